# The CUDA backend: a shared object where nvcc is, opened at run time where a device is.
# A make without nvcc, or with one that fails, builds everything else.
NVCC    := $(firstword $(shell command -v nvcc) $(wildcard /usr/local/cuda/bin/nvcc))
NVFLAGS := -std=c++17 -O3 -lineinfo -gencode arch=compute_90,code=sm_90 -gencode arch=compute_75,code=compute_75
CUDA    := $(sort $(wildcard engine/cuda/*.cu))
CUDA_SO := $(if $(and $(NVCC),$(filter release,$(FLAVOR))),$(B)/clampmeter-cuda.so)
CUDA_IN := $(wildcard engine/cuda/*.h) $(addprefix engine/,arch.h dtype.h dtypes/dtypes.def hparams.h kernels.h \
           probe_kinds.h site.h sites.def)
all: $(CUDA_SO)
$(B)/clampmeter-cuda.so: $(CUDA) $(CUDA_IN)
	@mkdir -p $(@D); echo "  NVCC $@"
	$(Q)$(NVCC) $(NVFLAGS) -I. -shared -Xcompiler -fPIC,-fvisibility=hidden -o $@ $(CUDA) -lcublas \
	    -Xlinker -rpath,$(dir $(NVCC))../lib64 || { rm -f $@; echo "  no CUDA backend: nvcc failed"; }

# The same kernels as plain C on an emulated device: for tests, and as an object to load.
EMULATED := $(patsubst %.cu,$(B)/tests/emu/%.o,$(filter-out %/dev_cuda.cu,$(CUDA))) $(call objs,$(wildcard tests/emu/*.c))
$(EMULATED): CFLAGS += -fPIC
$(B)/tests/emu/%.o: %.cu
	@mkdir -p $(@D); echo "  CC $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -x c -c -o $@ $<
$(B)/tests/emulated.so: $(EMULATED)
	$(LINK) -shared -lm
$(B)/tests/libtest.a: $(EMULATED)

# What the engine's tests ask of the CPU, asked of the device: emulated, and where there
# is one, real.
ON_DEVICE := $(patsubst %,$(B)/tests/engine/test_%,session look live edited)
test-cuda: $(BIN) $(ON_DEVICE) $(B)/tests/emulated.so
	@CLAMPMETER_BACKEND=cuda CLAMPMETER_CUDA=$(B)/tests/emulated.so tests/tools/run.sh $(ON_DEVICE)
	@tests/tools/gpu.sh $(BIN) $(ON_DEVICE) $(patsubst %,$(B)/tests/engine/test_%,exact reread)
