/*
 * Every class of malformed model file that is known to have broken some reader,
 * made on the spot: what it must be called, with which exit status, in one line,
 * and in little memory.
 */
#include "tests/test.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "engine/base/buf.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/gguf.h"
#include "engine/model.h"
#include "tests/bad_gguf.h"
#include "tests/tiny_model.h"

#define BITS_NAN 0x7fc00000
#define BITS_INF 0x7f800000
#define FILE_ ERR_FILE
#define UNSUP ERR_UNSUPPORTED

static const struct bad cases[] = {
	/* the model they are all made from */
	{ "nothing wrong", bad_lengthened, NULL, 0, 0, ERR_NONE, NULL },

	/* 1-6: the header */
	{ "0 bytes", bad_cut, NULL, 0, 0, FILE_, "needs 4 bytes, 0 are left" },
	{ "1 byte", bad_cut, NULL, 1, 0, FILE_, "needs 4 bytes, 1 are left" },
	{ "3 bytes", bad_cut, NULL, 3, 0, FILE_, "needs 4 bytes" },
	{ "only the magic", bad_cut, NULL, 4, 0, FILE_, "version needs 4 bytes" },
	{ "8 bytes", bad_cut, NULL, 8, 0, FILE_, "number of tensors needs 8 bytes" },
	{ "16 bytes", bad_cut, NULL, 16, 0, FILE_, "number of metadata keys needs 8 bytes" },
	{ "23 bytes", bad_cut, NULL, 23, 0, FILE_, "offset 0x10" },
	{ "24 bytes", bad_cut, NULL, 24, 0, FILE_, "metadata keys" },
	{ "swapped magic", bad_starts_with, "FUGG", 0, 0, FILE_, "bytes swapped" },
	{ "byte order mark", bad_starts_with, "\xef\xbb\xbfGGUF", 0, 0, FILE_, "byte order mark" },
	{ "gzip", bad_starts_with, "\x1f\x8b\x08", 0, 0, FILE_, "looks like gzip" },
	{ "zip", bad_starts_with, "PK\3\4", 0, 0, FILE_, "looks like a zip archive" },
	{ "pickle", bad_starts_with, "\x80\2c", 0, 0, FILE_, "looks like a Python pickle" },
	{ "safetensors", bad_starts_with, "\x20\0\0\0\0\0\0\0{\"a\"", 12, 0, FILE_, "looks like a safetensors file" },
	{ "version 0", bad_version, NULL, 0, 0, FILE_, "version is 0" },
	{ "version 1", bad_version, NULL, 1, 0, UNSUP, "version is 1, expected 2 or 3" },
	{ "version 2", bad_version, NULL, 2, 0, ERR_NONE, NULL },
	{ "version 4", bad_version, NULL, 4, 0, FILE_, "version is 4" },
	{ "version 2^32-1", bad_version, NULL, UINT32_MAX, 0, FILE_, "version is 4294967295" },
	{ "big-endian", bad_version, NULL, 0x03000000, 0, UNSUP, "big-endian" },
	{ "2^64-1 tensors", bad_counts, NULL, UINT64_MAX, 0, FILE_, "number of tensors is 18446744073709551615" },
	{ "2^63 tensors", bad_counts, NULL, UINT64_C(1) << 63, 0, FILE_, "at most 65536" },
	{ "10^9 tensors", bad_counts, NULL, 1000000000, 0, FILE_, "at most 65536" },
	{ "65536 tensors in 100 bytes", bad_counts, NULL, 65536, 0, FILE_, "76 are left in the file" },
	{ "2^64-1 keys", bad_counts, NULL, 0, UINT64_MAX, FILE_, "number of metadata keys is" },
	{ "2^32 keys", bad_counts, NULL, 0, UINT64_C(1) << 32, FILE_, "at most 65536" },
	{ "65536 keys in 100 bytes", bad_counts, NULL, 0, 65536, FILE_, "76 are left in the file" },
	{ "a key more than there is", bad_desync, NULL, 1, 0, FILE_, NULL },
	{ "a key fewer than there is", bad_desync, NULL, UINT64_MAX, 0, FILE_, NULL },
	{ "a tensor more than there is", bad_desync, NULL, 0, 1, FILE_, NULL },
	{ "a tensor fewer than there is", bad_desync, NULL, 0, UINT64_MAX, FILE_, "missing" },
	{ "nothing at all", bad_counts, NULL, 0, 0, UNSUP, "general.architecture is missing" },

	/* 7-17: metadata */
	{ "empty key", bad_raw_key, NULL, 0, 0, FILE_, "key 0 at offset 0x18: key is empty" },
	{ "key of 2^64-1 bytes", bad_raw_key, NULL, UINT64_MAX, 0, FILE_, "key needs 18446744073709551615 bytes, 32 are left" },
	{ "key of 65536 bytes", bad_raw_key, NULL, 65536, 70000, FILE_, "at most 65535 are allowed" },
	{ "key of all that is left and one", bad_raw_key, NULL, 33, 0, FILE_, "key needs 33 bytes, 32 are left" },
	{ "key with NUL", bad_odd_key, "a\0b", 3, 0, FILE_, "a\\x00b" },
	{ "key with ESC", bad_odd_key, "a\x1b]52", 0, 0, FILE_, "a\\x1B]52" },
	{ "key with newline", bad_odd_key, "a\nb", 0, 0, FILE_, "a\\x0Ab" },
	{ "key of bad UTF-8", bad_odd_key, "a\xff\xfe", 0, 0, FILE_, "a\\xFF\\xFE" },
	{ "key like a path", bad_odd_key, "../../etc/passwd", 0, 0, ERR_NONE, NULL },
	{ "a key twice", bad_twice, "general.name", 0, 0, FILE_, "key general.name at offset" },
	{ "two architectures", bad_twice, "general.architecture", 0, 0, FILE_, "is there twice" },
	{ "a million keys", bad_many_keys, NULL, 1000000, 0, FILE_, "at most 65536" },
	{ "65536 keys", bad_many_keys, NULL, 65536, 0, UNSUP, "general.architecture" },
	{ "value type 13", bad_odd_value, "x", 0, 13, FILE_, "value type is 13" },
	{ "value type 255", bad_odd_value, "x", 0, 255, FILE_, "value type is 255" },
	{ "value type -1", bad_odd_value, "x", 0, UINT32_MAX, FILE_, "value type is 4294967295" },
	{ "array of arrays", bad_nested, NULL, 1, 0, UNSUP, "arrays of arrays" },
	{ "arrays a thousand deep", bad_nested, NULL, 1000, 0, UNSUP, "arrays of arrays" },
	{ "array of type 13", bad_array_length, NULL, 1, 13, FILE_, "value type is 13" },
	{ "array of 2^64-1 u8", bad_array_length, NULL, UINT64_MAX, GGUF_U8, FILE_, "some.array" },
	{ "array of 2^61 u64", bad_array_length, NULL, UINT64_C(1) << 61, GGUF_U64, FILE_, "need at least 8 bytes each" },
	{ "array of 2^60 strings", bad_array_length, NULL, UINT64_C(1) << 60, GGUF_STR, FILE_, "array: 1152921504606846976 items" },
	{ "array of 2^30+1 u8", bad_array_length, NULL, (1 << 30) + 1, GGUF_U8, FILE_, "1073741825" },
	{ "array of 2^24+1 u8 that are there", bad_long_array, NULL, (1 << 24) + 1, 0, FILE_, "at most 16777216" },
	{ "string of 2^64-1 bytes", bad_odd_value, "x", UINT64_MAX, GGUF_STR, FILE_, "string needs 18446744073709551615" },
	{ "string of 2^63 bytes", bad_odd_value, "x", UINT64_C(1) << 63, GGUF_STR, FILE_, "string needs 9223372036854775808" },
	{ "string of 1 GiB", bad_odd_value, "x", 1 << 30, GGUF_STR, FILE_, "string needs 1073741824" },
	{ "string of 16 MiB and one", bad_long_string, "x", (16 << 20) + 1, 0, FILE_, "at most 16777216" },
	{ "bool of 2", bad_odd_value, "x", 2, GGUF_BOOL, FILE_, "bool is 2, expected 0 or 1" },
	{ "bool of 255", bad_odd_value, "x", 255, GGUF_BOOL, FILE_, "bool is 255" },
	{ "bool of 7 in an array", bad_bool_array, NULL, 7, 0, FILE_, "key flags" },
	{ "alignment 0", bad_alignment, NULL, 0, GGUF_U32, FILE_, "is 0, expected a power of two" },
	{ "alignment 1", bad_alignment, NULL, 1, GGUF_U32, UNSUP, "architecture" },
	{ "alignment 3", bad_alignment, NULL, 3, GGUF_U32, FILE_, "is 3" },
	{ "alignment 24", bad_alignment, NULL, 24, GGUF_U32, FILE_, "general.alignment" },
	{ "alignment 48", bad_alignment, NULL, 48, GGUF_U32, FILE_, "is 48" },
	{ "alignment 2^31", bad_alignment, NULL, 0x80000000, GGUF_U32, FILE_, "is 2147483648" },
	{ "alignment as i32", bad_alignment, NULL, 32, GGUF_I32, FILE_, "expected u32" },
	{ "alignment as u64", bad_alignment, NULL, 32, GGUF_U64, FILE_, "expected u32" },
	{ "alignment as string", bad_alignment, NULL, 0, GGUF_STR, FILE_, "general.alignment" },
	{ "alignment as array", bad_alignment, NULL, 0, GGUF_ARR, FILE_, "general.alignment" },
	{ "no architecture", bad_architecture, NULL, 0, 0, UNSUP, "general.architecture is missing" },
	{ "architecture as array", bad_architecture, NULL, 1, 0, FILE_, "is an array of string, expected a string" },
	{ "empty architecture", bad_architecture, "", 0, 0, UNSUP, "architecture \"\" is not supported" },
	{ "unknown architecture", bad_architecture, "mamba", 0, 0, UNSUP, "expected one of llama, qwen2, gpt2" },
	{ "architecture of 10 KB", bad_long_string, "general.architecture", 10240, 0, UNSUP, "xxx...\" is not supported" },
	{ "architecture with ESC", bad_architecture, "\x1b[2J", 0, 0, UNSUP, "\\x1B[2J" },
	{ "epsilon NaN", bad_valued, "llama.attention.layer_norm_rms_epsilon", BITS_NAN, 0, FILE_, "rms_epsilon" },
	{ "epsilon infinite", bad_valued, "llama.attention.layer_norm_rms_epsilon", BITS_INF, 0, FILE_, "is inf" },
	{ "epsilon 0", bad_valued, "llama.attention.layer_norm_rms_epsilon", 0, 0, FILE_, "is 0, expected" },
	{ "epsilon -0", bad_valued, "llama.attention.layer_norm_rms_epsilon", 0x80000000, 0, FILE_, "is -0" },
	{ "epsilon denormal", bad_valued, "llama.attention.layer_norm_rms_epsilon", 1, 0, FILE_, "rms_epsilon" },
	{ "epsilon negative", bad_valued, "llama.attention.layer_norm_rms_epsilon", 0xb727c5ac, 0, FILE_, "is -1e-05" },
	{ "epsilon as int", bad_retyped, "llama.attention.layer_norm_rms_epsilon", GGUF_U32, 0, FILE_, "expected a float" },
	{ "epsilon missing", bad_without, "llama.attention.layer_norm_rms_epsilon", 0, 0, FILE_, "is missing" },
	{ "rope base NaN", bad_valued, "llama.rope.freq_base", BITS_NAN, 0, FILE_, "freq_base" },
	{ "rope base infinite", bad_valued, "llama.rope.freq_base", BITS_INF, 0, FILE_, "freq_base" },
	{ "rope base 0", bad_valued, "llama.rope.freq_base", 0, 0, FILE_, "freq_base" },
	{ "rope factor NaN", bad_scaling_factor, NULL, BITS_NAN, 0, FILE_, "scaling.factor" },
	{ "rope factor infinite", bad_scaling_factor, NULL, BITS_INF, 0, FILE_, "scaling.factor" },
	{ "rope factor negative", bad_scaling_factor, NULL, 0xc0000000, 0, FILE_, "is -2" },
	{ "rope factor denormal", bad_scaling_factor, NULL, 1, 0, FILE_, "scaling.factor" },

	/* 18-32: tensor table and data */
	{ "no dimensions", bad_odd_row, "t", 0, N_DIMS, FILE_, "tensor t at offset 0x21: has 0 dimensions" },
	{ "5 dimensions", bad_odd_row, "t", 5, N_DIMS, FILE_, "has 5 dimensions, expected 1 to 4" },
	{ "2^32-1 dimensions", bad_odd_row, "t", UINT32_MAX, N_DIMS, FILE_, "has 4294967295 dimensions" },
	{ "ne[0] = 0", bad_odd_row, "t", 0, NE0, FILE_, "dimension 0 is 0" },
	{ "ne[1] = 0", bad_odd_row, "t", 0, NE1, FILE_, "dimension 1 is 0" },
	{ "ne[3] = 0", bad_odd_row, "t", 0, NE3, FILE_, "dimension 3 is 0" },
	{ "Q4_0 ne[0] = 0", bad_odd_row, "t", 0, ROW(NE0, 2), FILE_, "dimension 0 is 0" },
	{ "Q6_K ne[1] = 0", bad_odd_row, "t", 0, ROW(NE1, 14), FILE_, "dimension 1 is 0" },
	{ "ne = -1", bad_odd_row, "t", UINT64_MAX, NE0, FILE_, "dimension 0 is 18446744073709551615" },
	{ "ne = 2^63-1", bad_odd_row, "t", INT64_MAX, NE0, FILE_, "more bytes than can be addressed" },
	{ "ne = 2^63", bad_odd_row, "t", UINT64_C(1) << 63, NE0, FILE_, "dimension 0 is 9223372036854775808" },
	{ "ne[1] = 2^63-1", bad_odd_row, "t", INT64_MAX, NE1, FILE_, "dimension 1 is 9223372036854775807: more weights" },
	{ "F32 of 2^62", bad_odd_row, "t", UINT64_C(1) << 62, NE0, FILE_, "more bytes than can be addressed" },
	{ "Q4_0 whose bytes wrap", bad_odd_row, "t", 1024819115206086208, ROW(NE0, 2), FILE_, "needs 1152921504606846984 bytes" },
	{ "two I8 that add up to nothing", bad_two_huge, NULL, 0x7fffffffffffffc0, 24, UNSUP, "type I8 is not supported" },
	{ "two F32 that add up to nothing", bad_two_huge, NULL, 0x1ffffffffffffff0, 0, FILE_, "0x7fffffffffffffc0" },
	{ "padding wraps", bad_two_huge, NULL, 0x7ffffffffffffffe, 1, FILE_, "more than can be addressed" },
	{ "33 weights in blocks of 32", bad_odd_row, "t", 33, ROW(NE0, 2), FILE_, "rows of 33 weights are not whole blocks of 32" },
	{ "128 weights in blocks of 256", bad_odd_row, "t", 128, ROW(NE0, 12), FILE_, "whole blocks of 256 (Q4_K)" },
	{ "type 4", bad_odd_row, "t", 4, TYPE, FILE_, "type is 4, which is no tensor type" },
	{ "type 5", bad_odd_row, "t", 5, TYPE, FILE_, "type is 5" },
	{ "type 31", bad_odd_row, "t", 31, TYPE, FILE_, "type is 31" },
	{ "type 36", bad_odd_row, "t", 36, TYPE, FILE_, "type is 36" },
	{ "type 43", bad_odd_row, "t", 43, TYPE, FILE_, "type is 43" },
	{ "type -1", bad_odd_row, "t", UINT32_MAX, TYPE, FILE_, "type is 4294967295" },
	{ "type 2^31", bad_odd_row, "t", 0x80000000, TYPE, FILE_, "type is 2147483648" },
	{ "type MXFP4", bad_odd_row, "t", 39, TYPE, UNSUP, "type MXFP4 is not supported" },
	{ "type IQ4_XS", bad_odd_row, "t", 23, TYPE, UNSUP, "type IQ4_XS is not supported" },
	{ "type TQ1_0", bad_odd_row, "t", 34, TYPE, UNSUP, "TQ1_0" },
	{ "offset 4", bad_odd_row, "t", 4, OFFSET, FILE_, "not a multiple of the alignment 32" },
	{ "offset 2^64-1", bad_odd_row, "t", UINT64_MAX, OFFSET, FILE_, "0xffffffffffffffff" },
	{ "offset 2^64-32", bad_odd_row, "t", UINT64_MAX - 31, OFFSET, FILE_, "expected 0x0" },
	{ "overlap", bad_second_offset, NULL, 32, 0, FILE_, "they overlap" },
	{ "the same place", bad_second_offset, NULL, 0, 0, FILE_, "tensor b" },
	{ "a hole", bad_second_offset, NULL, 96, 0, FILE_, "data offset is 0x60, expected 0x40" },
	{ "in its place", bad_second_offset, NULL, 64, 0, UNSUP, "architecture" },
	{ "data short of a byte", bad_shortened, NULL, 1, 0, FILE_, "are left in the file" },
	{ "data short of a page", bad_shortened, NULL, 4096, 0, FILE_, "are left in the file" },
	{ "a byte behind", bad_lengthened, NULL, 1, 0, ERR_NONE, NULL },
	{ "a megabyte behind", bad_lengthened, NULL, 1 << 20, 0, ERR_NONE, NULL },
	{ "no name", bad_named, NULL, 0, 0, FILE_, "name is empty" },
	{ "name of 63", bad_named, NULL, 63, 0, ERR_NONE, NULL },
	{ "name of 64", bad_named, NULL, 64, 0, FILE_, "name is 64 bytes long, at most 63" },
	{ "name of a million", bad_named, NULL, 1000000, 0, FILE_, "at most 63" },
	{ "name twice", bad_named, "output_norm.weight", 0, 0, FILE_, "tensor output_norm.weight at offset" },
	{ "name with ESC", bad_named, "t\x1b]0;x\x07", 0, 0, FILE_, "t\\x1B]0;x\\x07" },
	{ "name with U+202E", bad_named, "t\xe2\x80\xae", 0, 0, FILE_, "\\xE2\\x80\\xAE" },
	{ "65536 tensors", bad_many_tensors, NULL, 65536, 0, UNSUP, "architecture" },
	{ "embedding transposed", bad_transposed, "token_embd.weight", 0, 0, FILE_, "expected [64, 64]" },
	{ "ffn_up transposed", bad_transposed, "blk.0.ffn_up.weight", 0, 0, FILE_, "is [96, 64], expected [64, 96]" },
	{ "attn_k renamed", bad_renamed, "blk.0.attn_k.weight", 0, 0, FILE_, "blk.0.attn_k.weight is missing" },
	{ "embedding renamed", bad_renamed, "token_embd.weight", 0, 0, FILE_, "token_embd.weight is missing" },
	{ "blk.999", bad_named, "blk.999.attn_q.weight", 0, 0, FILE_, "expected layers 0 to 0" },
	{ "a head that is no head", bad_named, "output.weight", 0, 0, FILE_, "output.weight is [1]" },
	{ "all ones Q4_0", bad_ones_everywhere, NULL, DTYPE_Q4_0, 0, ERR_NONE, NULL },
	{ "all ones Q2_K", bad_ones_everywhere, NULL, DTYPE_Q2_K, 0, ERR_NONE, NULL },
	{ "all ones Q6_K", bad_ones_everywhere, NULL, DTYPE_Q6_K, 0, ERR_NONE, NULL },
	{ "all ones F16", bad_ones_everywhere, NULL, DTYPE_F16, 0, ERR_NONE, NULL },
	{ "split in 2", bad_split, NULL, 2, 0, UNSUP, "one of 2 parts" },
	{ "split in 65535", bad_split, NULL, 65535, 0, UNSUP, "one of 65535 parts" },
	{ "split in 0", bad_split, NULL, 0, 0, ERR_NONE, NULL },
	{ "split as string", bad_twice, "split.count", 0, 0, FILE_, "key split.count at offset" },

	/* 33: hyper-parameters */
	{ "no heads", bad_valued, "llama.attention.head_count", 0, 0, FILE_, "head_count at offset" },
	{ "3 heads", bad_valued, "llama.attention.head_count", 3, 0, FILE_, "not a multiple of attention.head_count" },
	{ "2^31 heads", bad_valued, "llama.attention.head_count", 0x80000000, 0, FILE_, "is 2147483648" },
	{ "no kv heads", bad_valued, "llama.attention.head_count_kv", 0, 0, FILE_, "is 0" },
	{ "3 kv heads of 4", bad_valued, "llama.attention.head_count_kv", 3, 0, FILE_, "multiple of attention.head_count_kv" },
	{ "8 kv heads of 4", bad_valued, "llama.attention.head_count_kv", 8, 0, FILE_, "head_count_kv is 8" },
	{ "no layers", bad_valued, "llama.block_count", 0, 0, FILE_, "block_count at offset" },
	{ "2^31 layers", bad_valued, "llama.block_count", 0x80000000, 0, FILE_, "block_count" },
	{ "2 layers of 1", bad_valued, "llama.block_count", 2, 0, FILE_, "blk.1.attn_norm.weight is missing" },
	{ "1000 layers of 1", bad_valued, "llama.block_count", 1000, 0, FILE_, "the file holds only" },
	{ "no context", bad_valued, "llama.context_length", 0, 0, FILE_, "context_length" },
	{ "context of 2^31", bad_valued, "llama.context_length", 0x80000000, 0, FILE_, "context_length" },
	{ "no width", bad_valued, "llama.embedding_length", 0, 0, FILE_, "embedding_length" },
	{ "another width", bad_valued, "llama.embedding_length", 128, 0, FILE_, "tensor token_embd.weight is [64, 320]" },
	{ "width of 2^32-1", bad_valued, "llama.embedding_length", UINT32_MAX, 0, FILE_, "expected 1 to 65536" },
	{ "no d_ff", bad_valued, "llama.feed_forward_length", 0, 0, FILE_, "feed_forward_length" },
	{ "another d_ff", bad_valued, "llama.feed_forward_length", 95, 0, FILE_, "ffn_gate.weight is [64, 96], expected [64, 95]" },
	{ "odd rope", bad_valued, "llama.rope.dimension_count", 15, 0, FILE_, "even" },
	{ "wide rope", bad_valued, "llama.rope.dimension_count", 18, 0, FILE_, "dimension_count is 18" },
	{ "no rope", bad_valued, "llama.rope.dimension_count", 0, 0, FILE_, "dimension_count" },
	{ "layers as float", bad_retyped, "llama.block_count", GGUF_F32, 0, FILE_, "expected an integer" },
	{ "layers missing", bad_without, "llama.block_count", 0, 0, FILE_, "llama.block_count is missing" },
	{ "heads missing", bad_without, "llama.attention.head_count", 0, 0, FILE_, "is missing" },
	{ "heads by layer", bad_per_layer, "llama.attention.head_count_kv", 1, 0, UNSUP, "is an array" },
	{ "d_ff by 7 layers", bad_per_layer, "llama.feed_forward_length", 7, 0, UNSUP, "is an array" },
	{ "experts", bad_added, "llama.expert_count", 8, 0, UNSUP, "mixtures of experts" },
	{ "sliding window", bad_added, "llama.attention.sliding_window", 16, 0, UNSUP, "sliding windows" },
	{ "other key length", bad_added, "llama.attention.key_length", 32, 0, UNSUP, "key_length is 32" },
	{ "other value length", bad_added, "llama.attention.value_length", 8, 0, UNSUP, "value_length is 8" },
	{ "yarn", bad_scaling, "yarn", 0, 0, UNSUP, "is \"yarn\", expected none or linear" },
	{ "scaling with ESC", bad_scaling, "\x1b[31m", 0, 0, UNSUP, "\\x1B[31m" },

	/* 34-36: the vocabulary */
	{ "no tokens", bad_vocabulary, NULL, 0, 0, FILE_, "tokenizer.ggml.tokens" },
	{ "a token too few", bad_vocabulary, NULL, TINY_VOCAB - 1, 0, FILE_, "319 tokens" },
	{ "a token too many", bad_vocabulary, NULL, TINY_VOCAB + 1, 0, FILE_, "321 tokens" },
	{ "scores as u8", bad_vocabulary, NULL, TINY_VOCAB, GGUF_U8, FILE_, "is an array of u8, expected an array of f32" },
	{ "scores too few", bad_vocabulary, NULL, TINY_VOCAB, GGUF_F32, FILE_, "319" },
	{ "kinds as f32", bad_vocabulary, NULL, TINY_VOCAB, GGUF_I32, FILE_, "expected an array of i32" },
	{ "bos beyond the vocabulary", bad_valued, "tokenizer.ggml.bos_token_id", TINY_VOCAB, 0, FILE_, "bos_token_id" },
	{ "eos beyond the vocabulary", bad_valued, "tokenizer.ggml.eos_token_id", 1 << 30, 0, FILE_, "eos_token_id" },
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { LIMIT_MEMORY = 0 };
#else
enum { LIMIT_MEMORY = 1 };
#endif

/* 64 MiB more than the process has now; room = 0 takes the limit away. */
static void limit_memory(size_t room)
{
	struct rlimit r;
	size_t pages = 0;
	FILE *f;

	if (!LIMIT_MEMORY || getrlimit(RLIMIT_AS, &r))
		return;
	if (room && (f = fopen("/proc/self/statm", "r"))) {
		if (fscanf(f, "%zu", &pages) != 1)
			pages = 0;
		fclose(f);
	}
	r.rlim_cur = pages ? (rlim_t)(pages * 4096 + room) : r.rlim_max;
	setrlimit(RLIMIT_AS, &r);
}

static void one_line(const char *what, const struct err *e, const char *word)
{
	bool printable = true;

	for (const char *p = e->msg; *p; p++)
		printable = printable && *p >= 0x20 && *p < 0x7f;
	if (!printable || strncmp(e->msg, "bad.gguf: ", 10) || strstr(e->msg + 1, "bad.gguf") || strlen(e->msg) > 400)
		fail_msg("%s: not one clear line: %s", what, e->msg);
	if (word && !strstr(e->msg, word))
		fail_msg("%s: \"%s\" is not in: %s", what, word, e->msg);
}

static void attempt(const struct bad *k)
{
	struct err e = { .code = ERR_NONE };
	struct buf bytes = { .data = NULL };
	struct model *m;
	uint64_t begin;

	k->make(&bytes, k);
	/* An exact allocation, so that a sanitizer sees one byte too far. */
	void *exact = mem_dup(bytes.data, bytes.len);
	size_t n = bytes.len;
	buf_free(&bytes);
	limit_memory((size_t)64 << 20);
	begin = clock_ns();
	m = model_open_mem("bad.gguf", exact, n, &e);
	if (clock_ns() - begin > UINT64_C(2000000000))
		fail_msg("%s: took more than two seconds", k->what);
	model_close(m);
	limit_memory(0);
	free(exact);
	if ((m != NULL) != (k->code == ERR_NONE) || e.code != k->code)
		fail_msg("%s: status %d, expected %d: %s", k->what, e.code, k->code, e.msg);
	if (!m)
		one_line(k->what, &e, k->word);
}

static void every_known_way_to_break_a_reader_gets_one_clear_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		attempt(&cases[i]);
}

static void a_file_cut_anywhere_is_refused(void **state)
{
	struct buf bytes = { .data = NULL };
	struct gguf_build b;

	(void)state;
	bad_good(&b);
	bad_finish(&b, &bytes);
	for (size_t n = 0; n < bytes.len; n += n < 2000 ? 1 : 61) {
		struct err e = { .code = ERR_NONE };
		void *exact = mem_dup(bytes.data, n);

		CHECK(!gguf_open_mem("bad.gguf", exact, n, &e) && e.code == ERR_FILE);
		one_line("cut", &e, "left in the file");
		free(exact);
	}
	buf_free(&bytes);
}

static void a_byte_changed_anywhere_never_crashes(void **state)
{
	static const unsigned char values[] = { 0, 1, 0x7f, 0x80, 0xff };
	struct buf bytes = { .data = NULL };
	struct gguf_build b;
	size_t end;

	(void)state;
	bad_good(&b);
	end = 24 + b.values.len + b.table.len;
	bad_finish(&b, &bytes);
	for (size_t i = 0; i < end; i += i < 600 || i > end - 900 ? 1 : 97)
		for (size_t k = 0; k < sizeof values; k++) {
			struct err e = { .code = ERR_NONE };
			char kept = bytes.data[i];

			bytes.data[i] = (char)values[k];
			struct model *m = model_open_mem("bad.gguf", bytes.data, bytes.len, &e);
			if (!m)
				one_line("changed", &e, NULL);
			model_close(m);
			bytes.data[i] = kept;
		}
	buf_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_known_way_to_break_a_reader_gets_one_clear_line), TEST(a_file_cut_anywhere_is_refused),
		TEST(a_byte_changed_anywhere_never_crashes),
	};

	return RUN(tests);
}
