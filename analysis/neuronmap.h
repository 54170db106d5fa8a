/*
 * neuronmap -- the ten best tokens of every neuron of a model, kept in a file.
 *
 * One map holds one site in one variant (neuron.h) and belongs to one model file,
 * known by its SHA-256.  It is built from the first layer on and can be stopped
 * and taken up again at any time: what is finished is in the file before it is
 * marked as finished.  A file that was cut short goes on from where it stands.
 *
 * The file is a safetensors file (neuronmap_format says it in words for the manual):
 *
 *      metadata        "format" "clampmeter neuron map 1", "fingerprint", "model",
 *                      "site", "variant", "d_model", "n_vocab"
 *      done            I32 [n_layers]: neurons of each layer that are finished
 *      L<l>.id         I32 [d_ff][10]: token ids by falling logit, -1: none
 *      L<l>.logit, .probability, .cosine       F32 [d_ff][10]
 *
 * numpy: safetensors.numpy.load_file(path)["L4.id"][219].
 *
 * Owns     a copy of the file's numbers, 160 bytes a neuron
 * Threads  one builds it; any number may look at what is finished meanwhile
 */
#ifndef ANALYSIS_NEURONMAP_H
#define ANALYSIS_NEURONMAP_H

#include "analysis/neuronscan.h"
#include "engine/base/buf.h"

extern const char neuronmap_format[];

struct neuronmap;

/* $XDG_CACHE_HOME/clampmeter/neurons-<first digits>-up-raw.safetensors, with ~/.cache
 * where that is not set; the folders are made.  False when there is no place. */
bool neuronmap_path(struct buf *out, const char *fingerprint, enum neuron_site s, enum neuron_variant v);

/* The map in `path`, finished or not, or a new one; NULL keeps it in memory only.
 * Refused with ERR_FILE: the map of another model, another site or variant, a
 * file that is no map. */
struct neuronmap *neuronmap_open(const char *path, const struct model *m, const char *fingerprint, enum neuron_site s,
    enum neuron_variant v, struct err *e) MUST_CHECK;
void neuronmap_close(struct neuronmap *map);

enum neuron_site neuronmap_site(const struct neuronmap *map);
enum neuron_variant neuronmap_variant(const struct neuronmap *map);
int neuronmap_n_layers(const struct neuronmap *map);
int neuronmap_d_ff(const struct neuronmap *map);
/* Neurons of layer l that are there, and of all layers. */
int neuronmap_done(const struct neuronmap *map, int l);
size_t neuronmap_n_done(const struct neuronmap *map);
bool neuronmap_complete(const struct neuronmap *map);
/* False when that neuron is not there yet. */
bool neuronmap_get(const struct neuronmap *map, int layer, int index, struct neuron_labels *out);

/* Asked some times a second with the share of the whole map; false stops. */
typedef bool neuronmap_go_on(void *to, double done);
/* Computes what is missing.  ERR_INTERRUPTED when told to stop: what is finished
 * stays.  ERR_RUN when the file cannot be written, or another process builds it. */
bool neuronmap_build(struct neuronmap *map, const struct model *m, struct pool *pool, neuronmap_go_on *go_on, void *to,
    struct err *e) MUST_CHECK;

#endif
