// The float32 peak of this machine: fused multiply-adds on registers, on every core at once.
//
// peak_bench [seconds] [threads] prints one line, "NAME GFLOP/s". A multiply-add counts as two operations. The widest
// vectors that the CPU has are used; sixteen chains per core hide the latency of an addition.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

constexpr int chains = 16;
constexpr int64_t turns = 20000;

struct Loop {
  const char* name;
  int width;  // floats per vector
  float (*run)(float start);
};

// Whatever the compiler makes of a loop over plain floats.
float generic(float start) {
  constexpr int width = 8;
  float sums[chains * width];
  for (float& s : sums) s = start;
  const float scale = 1 + start * 1e-9f;
  for (int64_t i = 0; i < turns; ++i) {
    for (float& s : sums) s = s * scale + start;
  }
  float total = 0;
  for (float s : sums) total += s;
  return total;
}

#if defined(__x86_64__)
// A macro because the element type, not only the instructions, belongs to the target.
#define MIXNET_FMA_LOOP(name, features, type, set1, fmadd, first)                                     \
  __attribute__((target(features))) float name(float start) {                                         \
    type sums[chains];                                                                                \
    for (type & s : sums) s = set1(start);                                                            \
    const type scale = set1(1 + start * 1e-9f), add = set1(start);                                    \
    for (int64_t i = 0; i < turns; ++i) {                                                             \
      _Pragma("GCC unroll 16") for (int k = 0; k < chains; ++k) sums[k] = fmadd(sums[k], scale, add); \
    }                                                                                                 \
    float total = 0;                                                                                  \
    for (type & s : sums) total += first(s);                                                          \
    return total;                                                                                     \
  }
MIXNET_FMA_LOOP(avx2, "avx2,fma", __m256, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_cvtss_f32)
MIXNET_FMA_LOOP(avx512, "avx512f", __m512, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_cvtss_f32)
#undef MIXNET_FMA_LOOP
#endif

Loop choose() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return {"AVX-512", 16, avx512};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {"AVX2", 8, avx2};
#endif
  return {"generic", 8, generic};
}

// Operations per second of one thread until the time is up.
double rate(const Loop& loop, double seconds) {
  using clock = std::chrono::steady_clock;
  volatile float sink = loop.run(1e-6f);
  int64_t runs = 0;
  const auto start = clock::now();
  std::chrono::duration<double> took{};
  do {
    sink = sink + loop.run(1e-6f);
    ++runs;
    took = clock::now() - start;
  } while (took.count() < seconds);
  return 2.0 * static_cast<double>(runs * turns * chains * loop.width) / took.count();
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 0.5;
  const unsigned cores = argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : std::thread::hardware_concurrency();
  const Loop loop = choose();
  std::vector<double> rates(cores ? cores : 1);
  std::vector<std::thread> threads;
  for (double& r : rates) threads.emplace_back([&r, &loop, seconds] { r = rate(loop, seconds); });
  double total = 0;
  for (size_t i = 0; i < rates.size(); ++i) {
    threads[i].join();
    total += rates[i];
  }
  std::printf("%s %.1f\n", loop.name, total * 1e-9);
  return 0;
}
