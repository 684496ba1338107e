// What is used of cuBLASLt's C interface, as its documentation gives it; the numbers are the same in versions 11 to 13.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mixnet::gpu::lt {

using Status = int;
constexpr Status success = 0, not_initialized = 1, invalid_value = 7, arch_mismatch = 8, execution_failed = 13,
                 not_supported = 15;

// cudaDataType, cublasComputeType_t, cublasOperation_t, cublasLtEpilogue_t, cublasLtReductionScheme_t.
constexpr int r_32f = 0, r_64f = 1, r_16f = 2, r_16bf = 14;
constexpr int compute_32f = 68, compute_64f = 70, compute_32f_fast_tf32 = 77;
constexpr int32_t op_n = 0, op_t = 1;
constexpr uint32_t epilogue_default = 1, epilogue_bias = 4;
constexpr uint32_t reduction_in_place = 1, reduction_compute_type = 2, reduction_output_type = 4;

// Attributes, with their types.
constexpr int layout_batch_count = 5;              // int32_t
constexpr int layout_batch_offset = 6;             // int64_t, elements
constexpr int desc_trans_a = 3, desc_trans_b = 4;  // int32_t
constexpr int desc_epilogue = 7;                   // uint32_t
constexpr int desc_bias_pointer = 8;               // const void*
constexpr int pref_workspace = 1;                  // uint64_t, bytes
constexpr int pref_reduction = 3;                  // uint32_t
constexpr int pref_alignment_a = 5, pref_alignment_b = 6, pref_alignment_c = 7,
              pref_alignment_d = 8;  // uint32_t, bytes

struct Algo {
  uint64_t data[8];
};
struct Found {
  Algo algo;
  size_t workspace;
  Status state;
  float waves;
  int reserved[4];
};

// Handles and descriptors are pointers to what only the library knows.
struct Functions {
  Status (*create)(void** handle);
  Status (*destroy)(void* handle);
  const char* (*status_name)(Status);
  Status (*layout_create)(void** layout, int type, uint64_t rows, uint64_t columns, int64_t ld);
  Status (*layout_destroy)(void* layout);
  Status (*layout_set)(void* layout, int attribute, const void* value, size_t bytes);
  Status (*desc_create)(void** desc, int compute, int scale);
  Status (*desc_destroy)(void* desc);
  Status (*desc_set)(void* desc, int attribute, const void* value, size_t bytes);
  Status (*pref_create)(void** pref);
  Status (*pref_destroy)(void* pref);
  Status (*pref_set)(void* pref, int attribute, const void* value, size_t bytes);
  Status (*heuristic)(void* handle, void* desc, void* a, void* b, void* c, void* d, void* pref, int most, Found* found,
                      int* count);
  Status (*matmul)(void* handle, void* desc, const void* alpha, const void* a, void* a_layout, const void* b,
                   void* b_layout, const void* beta, const void* c, void* c_layout, void* d, void* d_layout,
                   const Algo* algo, void* workspace, size_t workspace_bytes, void* stream);
};

}  // namespace mixnet::gpu::lt
