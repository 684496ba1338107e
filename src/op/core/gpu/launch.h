// How kernels are put on a GPU's stream. A kernel is an object that is copied to the device: pointers and numbers, no references.
//
//   template <class T>
//   struct Scale {
//     const T* x; T* y; float by;
//     MIXNET_ON_DEVICE void operator()(int64_t i) const { y[i] = static_cast<T>(x[i] * by); }
//   };
//   map(*r.context.stream, n, Scale<float>{x, y, 2});
//
// Compiled by nvcc it runs on CUDA; compiled as C++ (MIXNET_GPU_EMULATED), on an emulated device, where a group has one member, or MIXNET_GPU_MEMBERS
// of them, threads that map's indices are dealt to as well.
#pragma once
#include <cstdint>
#include <memory>

#include "base/error.h"
#include "base/on_device.h"
#include "device/stream.h"
#if defined(__CUDACC__)
#include <cuda_runtime.h>
#else
#include "device/emulated/emulated_stream.h"
#include "device/emulated/emulated_team.h"
#endif

namespace mixnet::gpu {

#if defined(__CUDACC__)

constexpr int block_side = 16, block_threads = block_side * block_side;

// Threads that work on one row together. All of them must make the same calls.
template <int Threads>
struct Group {
  static_assert(Threads == 32 || Threads == block_threads, "a warp or a block");
  __device__ int rank() const { return static_cast<int>(threadIdx.x) % Threads; }
  __device__ int size() const { return Threads; }
  // merge(merge(a, b), ...) of what the members give, in the same order every time; every member gets it. T of at most 16 bytes.
  template <class T, class Merge> __device__ T reduce(T mine, Merge merge) const {
    static_assert(sizeof(T) <= 16, "a value of at most 16 bytes");
    __shared__ __align__(16) unsigned char space[block_threads * 16];
    T* const values = reinterpret_cast<T*>(space) + (threadIdx.x - rank());
    wait();  // nobody reads what an earlier call left
    values[rank()] = mine;
    for (int step = Threads / 2; step > 0; step /= 2) {
      wait();
      if (rank() < step) values[rank()] = merge(values[rank()], values[rank() + step]);
    }
    wait();
    return values[0];
  }
  // For all members; what they wrote before, the others see after.
  __device__ void wait() const {
    if constexpr (Threads == 32) __syncwarp();
    else __syncthreads();
  }
};

template <class F>
__global__ void __launch_bounds__(block_threads) run_map(int64_t n, F f) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step) f(i);
}

template <int Threads, class F>
__global__ void __launch_bounds__(block_threads) run_rows(int64_t rows, F f) {
  constexpr int per_block = block_threads / Threads;
  const int64_t step = static_cast<int64_t>(gridDim.x) * per_block;
  for (int64_t row = static_cast<int64_t>(blockIdx.x) * per_block + threadIdx.x / Threads; row < rows; row += step)
    f(row, Group<Threads>());
}

template <class F>
__global__ void __launch_bounds__(block_threads) run_blocks(int64_t blocks, F f) {
  __shared__ typename F::Shared shared;
  for (int64_t block = blockIdx.x; block < blocks; block += gridDim.x) f(block, Group<block_threads>(), shared);
}

inline unsigned blocks_for(int64_t work) {
  constexpr int64_t most = 1 << 16;
  return static_cast<unsigned>(work < 1 ? 1 : work > most ? most : work);
}

inline cudaStream_t native(Stream& stream) { return static_cast<cudaStream_t>(stream.native()); }

inline void check_launch() {
  const cudaError_t code = cudaGetLastError();
  MIXNET_CHECK(code == cudaSuccess, device, "[gpu] launch of a kernel: ", cudaGetErrorString(code));
}

// f(i) for i in [0, n), in any order.
template <class F>
void map(Stream& stream, int64_t n, F f) {
  if (n == 0) return;
  run_map<<<blocks_for((n + block_threads - 1) / block_threads), block_threads, 0, native(stream)>>>(n, f);
  check_launch();
}

// f(row, group) for every row, by the members of a group together; `width` says how much there is to do in a row.
template <class F>
void for_each_row(Stream& stream, int64_t rows, int64_t width, F f) {
  if (rows == 0) return;
  if (width <= 128) run_rows<32><<<blocks_for((rows + 7) / 8), block_threads, 0, native(stream)>>>(rows, f);
  else run_rows<256><<<blocks_for(rows), block_threads, 0, native(stream)>>>(rows, f);
  check_launch();
}

// f(block, group, shared) for every block, by the block_side times block_side members of a group together; `shared` is an F::Shared, plain numbers without a start, that they have in
// common.
template <class F>
void for_each_block(Stream& stream, int64_t blocks, F f) {
  if (blocks == 0) return;
  run_blocks<<<blocks_for(blocks), block_threads, 0, native(stream)>>>(blocks, f);
  check_launch();
}

// *at += by, by any number of threads at once; the order of floating-point sums is not fixed.
template <class T>
__device__ void add_at(T* at, T by) {
  if constexpr (sizeof(T) == 8 && T(0.5) == T(0))
    atomicAdd(reinterpret_cast<unsigned long long*>(at), static_cast<unsigned long long>(by));
  else atomicAdd(at, by);
}

// Whether groups are worth their trouble.
inline bool groups_of_many() { return true; }

#else

// Small, so that tests have full ones and rests at sizes that they can afford.
constexpr int block_side = EmulatedTeam::block_side;

class Group {
 public:
  explicit Group(EmulatedTeam* team = nullptr, int rank = 0)
      : team_(team), rank_(rank), size_(team ? team->size() : 1) {}
  int rank() const { return rank_; }
  int size() const { return size_; }
  template <class T, class Merge> T reduce(T mine, Merge merge) const {
    static_assert(sizeof(T) <= 16, "a value of at most 16 bytes");
    if (!team_) return mine;
    const auto given = [&](int rank) { return reinterpret_cast<T*>(team_->place(rank).bytes); };
    wait();  // nobody reads what an earlier call left
    *given(rank_) = mine;
    wait();
    T all = *given(0);
    for (int rank = 1; rank < size_; ++rank) all = merge(all, *given(rank));
    return all;
  }
  void wait() const {
    if (team_) team_->wait();
  }

 private:
  EmulatedTeam* team_;
  int rank_, size_;
};

template <class F>
void map(Stream& stream, int64_t n, F f) {
  if (n == 0) return;
  static_cast<EmulatedStream&>(stream).push([=] {
    const auto part = [&](int64_t first, int64_t step) {
      for (int64_t i = first; i < n; i += step) f(i);
    };
    EmulatedTeam* const team = n > 1 ? EmulatedTeam::members() : nullptr;
    if (team) team->run([&](int rank) { part(rank, team->size()); });
    else part(0, 1);
  });
}

template <class F>
void for_each_row(Stream& stream, int64_t rows, int64_t, F f) {
  if (rows == 0) return;
  static_cast<EmulatedStream&>(stream).push([=] {
    const auto all = [&](const Group& group) {
      for (int64_t row = 0; row < rows; ++row) f(row, group);
    };
    EmulatedTeam* const team = EmulatedTeam::members();
    if (team) team->run([&](int rank) { all(Group(team, rank)); });
    else all(Group());
  });
}

template <class F>
void for_each_block(Stream& stream, int64_t blocks, F f) {
  if (blocks == 0) return;
  static_cast<EmulatedStream&>(stream).push([=] {
    EmulatedTeam& team = EmulatedTeam::block();
    const auto shared = std::make_unique<typename F::Shared>();
    team.run([&](int rank) {
      for (int64_t block = 0; block < blocks; ++block) f(block, Group(&team, rank), *shared);
    });
  });
}

inline bool groups_of_many() { return EmulatedTeam::wanted_members() > 1; }

template <class T>
void add_at(T* at, T by) {
  T old, sum;
  __atomic_load(at, &old, __ATOMIC_RELAXED);
  do sum = static_cast<T>(old + by);
  while (!__atomic_compare_exchange(at, &old, &sum, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

#endif

}  // namespace mixnet::gpu
