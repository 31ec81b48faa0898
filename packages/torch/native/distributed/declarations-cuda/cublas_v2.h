// Names of NVIDIA's libraries that PyTorch's headers of NCCL's process group mention, and pip's packages of CUDA lack. The addon calls
// none of them, so names are enough.
#pragma once

typedef struct cublasContext* cublasHandle_t;
enum cublasStatus_t : int;
