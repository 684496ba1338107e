// Sums and broadcasts over two GPUs: of one thread, and of two that join as processes do. On emulated ones by a stand-in of NCCL, which is also made to fail.
#include "device/collectives.h"

#include <dlfcn.h>
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <future>

#include "device/gpu.h"
#include "ndarray/ndarray.h"
#if defined(MIXNET_GPU_EMULATED)
#include "device/emulated/emulated_gpu.h"
#endif

namespace mixnet::test {
namespace {

// While one exists, NCCL is the stand-in, or what the machine has where GPUs are real.
struct Library {
  Library() {
#if defined(MIXNET_GPU_EMULATED)
    setenv("MIXNET_NCCL", MIXNET_STAND_INS "/libnccl.so", 1);
#endif
  }
  ~Library() {
#if defined(MIXNET_GPU_EMULATED)
    unsetenv("MIXNET_NCCL");
#endif
  }
  // GPUs for a group, or none: the test ends.
  bool enough() const { return device_count(DeviceKind::gpu) >= 2 && Collectives::possible(); }
};

NDArray on(int gpu, DType dtype, int64_t n) { return NDArray({n}, dtype, DeviceId{DeviceKind::gpu, gpu}); }

NDArray made_of(const std::vector<float>& values, int gpu) {
  NDArray a = on(gpu, DType::f32, static_cast<int64_t>(values.size()));
  a.copy_from_host(values.data(), a.bytes());
  return a;
}

std::vector<float> ramp(int64_t n, float first) {
  std::vector<float> v(static_cast<size_t>(n));
  for (size_t i = 0; i < v.size(); ++i) v[i] = first + static_cast<float>(i % 100);
  return v;
}

std::vector<float> values(const NDArray& a) {
  std::vector<float> v(static_cast<size_t>(a.size()));
  a.copy_to_host(v.data(), a.bytes());
  return v;
}

Collectives::Arrays arrays(const std::vector<NDArray>& from, const std::vector<NDArray>& to) {
  Collectives::Arrays a{{}, {}, from[0].size(), from[0].dtype()};
  for (const NDArray& one : from) a.from.push_back(one.view().data);
  for (const NDArray& one : to) a.to.push_back(one.view().data);
  return a;
}

void sum(Collectives& group, const std::vector<Collectives::Arrays>& all, Collectives::Done done) {
  group.all_reduce(all, "a sum", std::move(done));
}

// What a call's end said: nothing, or a line.
struct End {
  std::shared_ptr<std::promise<std::string>> said = std::make_shared<std::promise<std::string>>();
  Collectives::Done done() const {
    return [said = said](const Error* error) { said->set_value(error ? error->what() : ""); };
  }
  std::string get() const { return said->get_future().get(); }
};

}  // namespace

TEST_CASE("collectives: a sum over GPUs is on all of them, behind what they computed") {
  const Library library;
  if (!library.enough()) return;
  const auto group = Collectives::among({0, 1});
  REQUIRE(group);
  CHECK(group == Collectives::among({0, 1}));
  for (const int64_t n : {int64_t{1}, int64_t{1000}, int64_t{600001}}) {
    const std::vector<NDArray> from{made_of(ramp(n, 1), 0), made_of(ramp(n, 10), 1)},
        to{on(0, DType::f32, n), on(1, DType::f32, n)};
    const Collectives::Arrays all = arrays(from, to);
    // The last thing that the compute streams were given is what must be summed.
    const NDArray late = made_of(ramp(n, 2), 0);
    gpu_device(0).stream()->copy(from[0].view().data, late.view().data, static_cast<size_t>(late.bytes()));
    const int64_t calls = Collectives::calls();
    const End end;
    sum(*group, {all}, end.done());
    CHECK(end.get() == "");
    CHECK(Collectives::calls() == calls + 1);
    std::vector<float> want = ramp(n, 12);
    for (size_t i = 0; i < want.size(); ++i) want[i] += static_cast<float>(i % 100);
    CHECK(values(to[0]) == want);
    CHECK(values(to[1]) == want);
    const End in_place;
    sum(*group, {arrays(to, to)}, in_place.done());
    CHECK(in_place.get() == "");
    CHECK(values(to[1])[0] == 2 * want[0]);
  }
}

TEST_CASE("collectives: dtypes of arrays are those of the library, but for bool") {
  const Library library;
  if (!library.enough()) return;
  CHECK(!Collectives::takes(DType::boolean));
  const auto group = Collectives::among({0, 1});
  for (const DType dtype :
       {DType::i8, DType::u8, DType::i32, DType::i64, DType::f16, DType::bf16, DType::f32, DType::f64}) {
    REQUIRE(Collectives::takes(dtype));
    // All bits zero but those of the first element's one are a number of every dtype.
    const auto size = static_cast<size_t>(dtype_size(dtype));
    std::vector<uint8_t> one(3 * size, 0), two(3 * size, 0);
    if (dtype == DType::f16) one[1] = 0x3c, two[1] = 0x40;
    else if (dtype == DType::bf16) one[0] = 0x80, one[1] = 0x3f, two[1] = 0x40;
    else if (dtype == DType::f32) one[2] = 0x80, one[3] = 0x3f, two[3] = 0x40;
    else if (dtype == DType::f64) one[6] = 0xf0, one[7] = 0x3f, two[7] = 0x40;
    else one[0] = 1, two[0] = 2;
    std::vector<NDArray> both{on(0, dtype, 3), on(1, dtype, 3)};
    for (const NDArray& a : both) a.copy_from_host(one.data(), a.bytes());
    const End end;
    sum(*group, {arrays(both, both)}, end.done());
    CHECK(end.get() == "");
    std::vector<uint8_t> got(two.size());
    both[1].copy_to_host(got.data(), both[1].bytes());
    CHECK_MESSAGE(got == two, dtype_name(dtype));
  }
}

TEST_CASE("collectives: a value goes to all, and a sum to one") {
  const Library library;
  if (!library.enough()) return;
  const auto group = Collectives::among({0, 1});
  for (const int root : {0, 1}) {
    const std::vector<NDArray> from{made_of(ramp(5000, 1), 0), made_of(ramp(5000, 10), 1)},
        to{made_of(ramp(5000, 0), 0), made_of(ramp(5000, 0), 1)};
    const End sent, summed;
    group->broadcast(arrays(from, to), root, "a broadcast", sent.done());
    CHECK(sent.get() == "");
    for (const NDArray& a : to) CHECK(values(a) == values(from[static_cast<size_t>(root)]));
    group->reduce(arrays(from, to), root, "a sum to one", summed.done());
    CHECK(summed.get() == "");
    CHECK(values(to[static_cast<size_t>(root)])[99] == 209);
  }
}

TEST_CASE("collectives: without a library there are none, and a wrong one is an error") {
  setenv("MIXNET_NCCL", "0", 1);
  CHECK(!Collectives::possible());
  CHECK(Collectives::among({0, 1}) == nullptr);
  CHECK_THROWS_WITH_AS(Collectives::make_id(), "[gpu] NCCL: turned off by MIXNET_NCCL", Error);
  setenv("MIXNET_NCCL", "/no/such/library.so", 1);
  CHECK_THROWS_AS(Collectives::among({0, 1}), Error);
  unsetenv("MIXNET_NCCL");
}

#if defined(MIXNET_GPU_EMULATED)
namespace {

void stand_in_fails(int how) {
  void* const library = dlopen(MIXNET_STAND_INS "/libnccl.so", RTLD_NOW | RTLD_NOLOAD);
  REQUIRE(library);
  reinterpret_cast<void (*)(int)>(dlsym(library, "stand_in_nccl_fail"))(how);
}

// Two groups of one GPU each that know of each other as those of two processes do.
std::vector<std::shared_ptr<Collectives>> joined(double timeout_s) {
  const nccl::UniqueId id = Collectives::make_id();
  auto second = std::async(std::launch::async, [&] { return Collectives::join(id, 2, 1, 1, 60, timeout_s); });
  auto first = Collectives::join(id, 2, 0, 0, 60, timeout_s);
  return {std::move(first), second.get()};
}

}  // namespace

TEST_CASE("collectives: groups of several processes") {
  const Library library;
  const auto groups = joined(60);
  const NDArray a = made_of(ramp(300000, 1), 0), b = made_of(ramp(300000, 5), 1);
  const End first, second;
  sum(*groups[0], {arrays({a}, {a})}, first.done());
  sum(*groups[1], {arrays({b}, {b})}, second.done());
  CHECK(first.get() == "");
  CHECK(second.get() == "");
  CHECK(values(a)[1] == 8);
  CHECK(values(a) == values(b));
}

TEST_CASE("collectives: ranks that call differently are told") {
  const Library library;
  const auto groups = joined(60);
  const NDArray a = made_of(ramp(10, 1), 0), b = made_of(ramp(11, 5), 1);
  const End first, second;
  sum(*groups[0], {arrays({a}, {a})}, first.done());
  sum(*groups[1], {arrays({b}, {b})}, second.done());
  CHECK(first.get() == "[nccl] gpu(0): invalid usage");
  CHECK(second.get() == "[nccl] gpu(1): invalid usage");
}

TEST_CASE("collectives: who does not join in time is not waited for") {
  const Library library;
  const nccl::UniqueId id = Collectives::make_id();
  CHECK_THROWS_WITH_AS(Collectives::join(id, 2, 0, 0, 0.05, 60),
                       "[nccl] rank 0 of 2: the others did not join within 0.05 s", Error);
  unlink(id.bytes);
}

TEST_CASE("collectives: a failure ends the group, and never hangs") {
  const Library library;
  const struct {
    int fault;
    double timeout_s;
    const char* said;
  } cases[] = {{1, 0.2, "[nccl] a sum: did not end within 0.2 s"},
               {2, 60, "[nccl] gpu(0): remote process exited or there was a network error"}};
  for (const auto& c : cases) {
    const auto groups = joined(c.timeout_s);
    const NDArray a = made_of(ramp(10, 1), 0);
    stand_in_fails(c.fault);
    const End end;
    sum(*groups[0], {arrays({a}, {a})}, end.done());
    CHECK(end.get() == c.said);
    CHECK_THROWS_WITH_AS(sum(*groups[0], {arrays({a}, {a})}, end.done()), c.said, Error);
  }
  const auto groups = joined(60);
  const NDArray a = made_of(ramp(10, 1), 0);
  stand_in_fails(3);
  CHECK_THROWS_WITH_AS(sum(*groups[0], {arrays({a}, {a})}, [](const Error*) {}),
                       "[nccl] ncclGroupEnd: unhandled cuda error", Error);
}

TEST_CASE("collectives: a peer that is gone is an error on those who wait for it") {
  const Library library;
  const auto groups = joined(0.2);
  const NDArray a = made_of(ramp(10, 1), 0);
  const End end;
  sum(*groups[0], {arrays({a}, {a})}, end.done());
  CHECK(end.get() == "[nccl] a sum: did not end within 0.2 s");
}

TEST_CASE("collectives: a lost GPU is an error of the calls under way") {
  const Library library;
  const auto groups = joined(0.2);
  const NDArray a = made_of(ramp(10, 1), 0), b = made_of(ramp(10, 1), 1);
  const Collectives::Arrays first = arrays({a}, {a}), second = arrays({b}, {b});
  break_emulated_gpu(1, "an illegal memory access was encountered");
  const End waits;
  sum(*groups[0], {first}, waits.done());
  std::string said;
  try {
    const End lost;
    sum(*groups[1], {second}, lost.done());
    said = lost.get();
  } catch (const Error& error) {
    said = error.what();
  }
  const bool told =
      said.find("an illegal memory access") != std::string::npos || said == "[nccl] ncclGroupEnd: unhandled cuda error";
  CHECK_MESSAGE(told, said);
  CHECK(waits.get() == "[nccl] a sum: did not end within 0.2 s");
  mend_emulated_gpu(1);
  values(a);
}
#endif

}  // namespace mixnet::test
