// _contrib_interleaved_matmul_* on GPUs; see interleaved_matmul.cc.
#include "op/contrib/interleaved_matmul.h"

#include <cmath>

#include "op/core/gpu/matrices.h"
#include "op/core/gpu/on_gpu.h"
#include "op/core/gpu/wide.h"

namespace mixnet::op::interleaved_matmul {
namespace {

template <class T>
gpu::Matrices<T> matrices(const Part<T>& p) {
  return {p.matrix(0), p.pitch(), p.parts * p.d};
}
template <class T>
gpu::Matrices<const T> read(const Part<T>& p) {
  return {p.matrix(0), p.pitch(), p.parts * p.d};
}
template <class T>
T scale_of(const Part<T>& q) {
  return 1 / std::sqrt(static_cast<T>(q.d));
}

template <bool Self>
void forward_qk(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "interleaved_matmul_qk", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (r.out[0].size() == 0) return;
    const Part<T> q(r.in[0], p.heads, Self ? 3 : 1, 0), k(r.in[Self ? 0 : 1], p.heads, Self ? 3 : 2, Self ? 1 : 0);
    gpu::product<T>(*r.context.stream, q.batch * q.heads,
                    {false,
                     true,
                     q.length,
                     k.length,
                     q.d,
                     scale_of(q),
                     read(q),
                     read(k),
                     0,
                     {r.out[0].as<T>(), k.length, q.length * k.length}});
  });
}
template <bool Self>
void forward_values(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "interleaved_matmul_valatt", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (r.out[0].size() == 0) return;
    const Part<T> v(r.in[0], p.heads, Self ? 3 : 2, Self ? 2 : 1), out(r.out[0], p.heads, 1, 0);
    gpu::product<T>(*r.context.stream, v.batch * v.heads,
                    {false,
                     false,
                     out.length,
                     v.d,
                     v.length,
                     1,
                     {r.in[1].as<T>(), v.length, out.length * v.length},
                     read(v),
                     0,
                     matrices(out)});
  });
}

template <bool Self>
void backward_qk(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "interleaved_matmul_qk", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (const TensorView& dx : r.out) OnGpu::zero(r, dx);
    if (r.in[0].size() == 0) return;
    const size_t second = Self ? 0 : 1;
    const Part<T> q(r.in[1], p.heads, Self ? 3 : 1, 0), k(r.in[1 + second], p.heads, Self ? 3 : 2, Self ? 1 : 0);
    const Part<T> dq(r.out[0], p.heads, q.parts, 0), dk(r.out[second], p.heads, k.parts, k.index);
    const gpu::Matrices<const T> ds{r.in[0].as<T>(), k.length, q.length * k.length};
    const int64_t count = q.batch * q.heads;
    gpu::product<T>(*r.context.stream, count,
                    {false, false, q.length, q.d, k.length, scale_of(q), ds, read(k), 0, matrices(dq)});
    gpu::product<T>(*r.context.stream, count,
                    {true, false, k.length, k.d, q.length, scale_of(q), ds, read(q), 0, matrices(dk)});
  });
}
template <bool Self>
void backward_values(const Params& p, const RunContext& r) {
  dispatch_wide(r.in[0].dtype, "interleaved_matmul_valatt", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (const TensorView& dx : r.out) OnGpu::zero(r, dx);
    if (r.in[0].size() == 0) return;
    const int64_t parts = Self ? 3 : 2;
    const Part<T> v(r.in[1], p.heads, parts, parts - 1), dv(r.out[0], p.heads, parts, parts - 1),
        dy(r.in[0], p.heads, 1, 0);
    const int64_t count = v.batch * v.heads, step = dy.length * v.length;
    gpu::product<T>(
        *r.context.stream, count,
        {true, false, v.length, v.d, dy.length, 1, {r.in[2].as<T>(), v.length, step}, read(dy), 0, matrices(dv)});
    gpu::product<T>(
        *r.context.stream, count,
        {false, true, dy.length, v.length, v.d, 1, read(dy), read(v), 0, {r.out[1].as<T>(), v.length, step}});
  });
}

}  // namespace

void register_gpu(Registry& registry) {
  const std::string forward = "_contrib_interleaved_matmul_", backward = "_backward_contrib_interleaved_matmul_";
  gpu::wide<Params>(registry, forward + "selfatt_qk", forward_qk<true>);
  gpu::wide<Params>(registry, forward + "encdec_qk", forward_qk<false>);
  gpu::wide<Params>(registry, forward + "selfatt_valatt", forward_values<true>);
  gpu::wide<Params>(registry, forward + "encdec_valatt", forward_values<false>);
  gpu::wide<Params>(registry, backward + "selfatt_qk", backward_qk<true>);
  gpu::wide<Params>(registry, backward + "encdec_qk", backward_qk<false>);
  gpu::wide<Params>(registry, backward + "selfatt_valatt", backward_values<true>);
  gpu::wide<Params>(registry, backward + "encdec_valatt", backward_values<false>);
}

}  // namespace mixnet::op::interleaved_matmul
