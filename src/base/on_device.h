// Marks functions that kernels of GPUs call as well as the host.
#pragma once

#if defined(__CUDACC__)
#define MIXNET_ON_DEVICE __host__ __device__
#else
#define MIXNET_ON_DEVICE
#endif
