// Winograd's convolution (op/core/winograd.h) as kernels in oneDNN's layouts: forward, and the gradients of data and of weights.
//
// For 3 x 3 windows without stride or dilation, one group, multiples of 16 channels, float32 or bfloat16 (multiplied as float32). The number of
// threads does not change a bit of the results. Only included by *.dnnl.cc files.
#pragma once
#include <algorithm>
#include <atomic>
#include <optional>

#include "base/environment.h"
#include "base/half.h"
#include "op/core/dnnl_kernel.h"
#include "op/core/dnnl_parallel.h"
#include "op/core/dnnl_tail.h"
#include "op/core/winograd.h"

namespace mixnet::op {

namespace w = mixnet::winograd;

// The pieces for this CPU.
inline const w::Pieces& winograd_pieces() {
#if defined(__x86_64__)
  static const bool v4 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
                         __builtin_cpu_supports("avx512cd");
  return v4 ? *w::pieces_x86_64_v4() : *w::pieces_x86_64_v3();
#else
  return *w::pieces_default();
#endif
}

// One convolution: from `inputs` channels to `outputs`, onto height x width.
struct WinogradShape {
  int64_t images, inputs, outputs, height, width, pad_top, pad_left;
  w::Storage storage;

  w::Grid grid() const {
    return {(height + w::tile - 1) / w::tile, (width + w::tile - 1) / w::tile, pad_top, pad_left};
  }
  int64_t tiles() const { return images * grid().rows * grid().columns; }
  int64_t filter_floats() const { return w::points * inputs * outputs; }
  dnnl::memory::desc filters() const { return dnnl_plain({filter_floats()}); }

  // Whether it is wanted and done sooner than directly, in multiplications: those saved against what evaluation and memory cost, as measured.
  bool pays(bool training) const {
    constexpr double per_tile_group = 3000, per_weight = 20, per_new_weight = 24;
    if (!environment_bool("WINOGRAD", true) || (storage == w::Storage::bf16 && dnnl_has_tiles())) return false;
    if (dnnl_takes_any_size.load(std::memory_order_relaxed)) return true;
    const double weights = static_cast<double>(inputs * outputs), t = static_cast<double>(tiles());
    // bfloat16 is multiplied at twice the rate.
    const double direct = weights * 9 * (static_cast<double>(images * height * width) + per_weight) /
                          (storage == w::Storage::bf16 ? 2 : 1);
    const double ours = w::points * weights * (t + per_weight + (training ? per_new_weight : 0)) +
                        t * static_cast<double>(inputs + outputs) / w::lanes * per_tile_group;
    return ours < 0.9 * direct;
  }
};

inline w::Storage winograd_storage(DnnlType type) {
  return type == DnnlType::bf16 ? w::Storage::bf16 : w::Storage::f32;
}

// A tensor with its channels last, or in blocks of 16; otherwise nothing.
inline std::optional<w::Tensor> winograd_tensor(const dnnl::memory::desc& desc, void* data = nullptr) {
  const DnnlDims dims = desc.get_dims(), strides = desc.get_strides(), blocks = desc.get_inner_blks(),
                 axes = desc.get_inner_idxs();
  const bool blocked = blocks.size() == 1 && blocks[0] == w::lanes && axes[0] == 1;
  const bool last = blocks.empty() && strides[1] == 1;
  if (dims.size() != 4 || dims[1] % w::lanes != 0 || (!blocked && !last)) return std::nullopt;
  return w::Tensor{data,       winograd_storage(desc.get_data_type()), dims[0],    dims[1] / w::lanes, dims[2], dims[3],
                   strides[0], blocked ? strides[1] : w::lanes,        strides[2], strides[3]};
}
inline w::Tensor winograd_tensor(const dnnl::memory& memory) {
  return *winograd_tensor(memory.get_desc(), memory.get_data_handle());
}

// What Winograd's kernel does with a tail; nothing where it cannot.
inline std::optional<w::Finish> winograd_finish(const DnnlTail& tail) {
  w::Finish finish{nullptr, 0, {}};
  if (tail.steps.size() > w::Finish::most) return std::nullopt;
  for (const DnnlTail::Step& step : tail.steps) {
    w::Finish::Step& s = finish.steps[finish.count++];
    s = {w::Finish::linear, static_cast<float>(step.scale), static_cast<float>(step.shift)};
    if (step.kind == DnnlTail::relu) s.kind = w::Finish::relu;
    else if (step.kind == DnnlTail::sum) s.kind = w::Finish::add;
    else if (step.kind != DnnlTail::linear) return std::nullopt;
  }
  return finish;
}

// Forward, and the gradient of data: that of the results with the windows turned round, from outputs to inputs.
class WinogradKernel : public DnnlKernel {
 public:
  // Arguments of execute(): from, weights, to and perhaps DNNL_ARG_BIAS.
  WinogradKernel(const WinogradShape& shape, int from, int to, const w::Finish& finish, std::vector<Binding> bindings)
      : DnnlKernel(dnnl::memory::desc({floats(shape)}, DnnlType::f32, {1}), std::move(bindings)),
        s_(shape),
        plan_(shape),
        from_(from),
        to_(to),
        finish_(finish) {}

  // The binding of the weights (outputs, inputs, 3, 3), or of (inputs, outputs, 3, 3) turned round.
  static Binding weights(const WinogradShape& shape, int index, const dnnl::memory::desc& plain, bool flipped) {
    Binding b(DNNL_ARG_WEIGHTS, index, false, plain, shape.filters());
    b.convert = [shape, flipped](const void* from, void* to) {
      const w::Windows windows{const_cast<void*>(from), shape.storage, flipped ? 9 : shape.inputs * 9,
                               flipped ? shape.outputs * 9 : 9, flipped};
      const w::Filters filters{static_cast<float*>(to), shape.inputs, shape.outputs};
      dnnl_parallel(shape.outputs / w::lanes,
                    [&](int64_t g) { winograd_pieces().evaluate_windows(windows, filters, g, g + 1); });
    };
    return b;
  }

 protected:
  void execute(const Arguments& arguments) const override {
    const w::Tensor x = winograd_tensor(arguments.at(from_)), y = winograd_tensor(arguments.at(to_));
    const w::Filters u{static_cast<float*>(arguments.at(DNNL_ARG_WEIGHTS).get_data_handle()), s_.inputs, s_.outputs};
    float* space = static_cast<float*>(arguments.at(DNNL_ARG_SCRATCHPAD).get_data_handle());
    w::Finish finish = finish_;
    const auto bias = arguments.find(DNNL_ARG_BIAS);
    if (bias != arguments.end()) finish.bias = bias->second.get_data_handle();
    plan_.alone ? run_alone(x, u, y, finish, space) : run_together(x, u, y, finish, space);
  }

 private:
  // Each thread takes blocks of its own; or all threads one block after the other, where filters are so large, or tiles so few, that
  // every filter should be read once.
  struct Plan {
    bool alone;
    int64_t threads, tiles;  // of a block
    explicit Plan(const WinogradShape& s) : threads(parallel_threads()) {
      constexpr int64_t near_filters = 36 * 128 * 128, cached_filters = 36 * 128 * 256;
      const int64_t all = s.tiles(), fits = s.filter_floats() <= near_filters ? 28 : 56;
      alone = s.filter_floats() <= cached_filters && all >= 14 * threads;
      int64_t blocks = (all + fits - 1) / fits;
      if (alone) blocks = (blocks + threads - 1) / threads * threads;
      tiles = (all + blocks - 1) / blocks;
    }
  };
  static int64_t floats(const WinogradShape& s) {
    const Plan plan(s);
    return (plan.alone ? plan.threads : 1) * w::points * (s.inputs + s.outputs) * plan.tiles;
  }
  w::Block block(float* data, int64_t channels, int64_t first) const {
    return {data, channels / w::lanes, plan_.tiles, first, std::min(plan_.tiles, s_.tiles() - first)};
  }

  void run_alone(const w::Tensor& x, const w::Filters& u, const w::Tensor& y, const w::Finish& finish,
                 float* space) const {
    const w::Pieces& pieces = winograd_pieces();
    const int64_t blocks = (s_.tiles() + plan_.tiles - 1) / plan_.tiles, inputs = w::points * plan_.tiles * s_.inputs;
    std::atomic<int64_t> next{0};
    dnnl_parallel(plan_.threads, [&](int64_t thread) {
      float* own = space + thread * (inputs + w::points * plan_.tiles * s_.outputs);
      for (int64_t b; (b = next.fetch_add(1, std::memory_order_relaxed)) < blocks;) {
        const w::Block v = block(own, s_.inputs, b * plan_.tiles), m = block(own + inputs, s_.outputs, b * plan_.tiles);
        pieces.evaluate_images(x, s_.grid(), v, 0, v.count);
        for (int64_t p = 0; p < w::points; ++p) pieces.multiply(v, u, m, p, 0, m.groups);
        pieces.interpolate(m, s_.grid(), y, finish, 0, m.count);
      }
    });
  }

  void run_together(const w::Tensor& x, const w::Filters& u, const w::Tensor& y, const w::Finish& finish,
                    float* space) const {
    const w::Pieces& pieces = winograd_pieces();
    for (int64_t first = 0; first < s_.tiles(); first += plan_.tiles) {
      const w::Block v = block(space, s_.inputs, first),
                     m = block(space + w::points * plan_.tiles * s_.inputs, s_.outputs, first);
      const int64_t parts = (v.count + 3) / 4;
      dnnl_parallel(parts,
                    [&](int64_t i) { pieces.evaluate_images(x, s_.grid(), v, i * 4, std::min(v.count, i * 4 + 4)); });
      dnnl_parallel(w::points, [&](int64_t p) { pieces.multiply(v, u, m, p, 0, m.groups); });
      dnnl_parallel(
          parts, [&](int64_t i) { pieces.interpolate(m, s_.grid(), y, finish, i * 4, std::min(m.count, i * 4 + 4)); });
    }
  }

  WinogradShape s_;
  Plan plan_;
  int from_, to_;
  w::Finish finish_;
};

// Gradients of the weights, in row-major order, and of the bias where DNNL_ARG_DIFF_BIAS is bound.
class WinogradWeightsKernel : public DnnlKernel {
 public:
  WinogradWeightsKernel(const WinogradShape& shape, std::vector<Binding> bindings)
      : DnnlKernel(dnnl::memory::desc({floats(shape)}, DnnlType::f32, {1}), std::move(bindings)),
        s_(shape),
        tiles_(block_tiles(shape)) {}

 protected:
  void execute(const Arguments& arguments) const override {
    const w::Pieces& pieces = winograd_pieces();
    const w::Tensor x = winograd_tensor(arguments.at(DNNL_ARG_SRC)),
                    dy = winograd_tensor(arguments.at(DNNL_ARG_DIFF_DST));
    float* space = static_cast<float*>(arguments.at(DNNL_ARG_SCRATCHPAD).get_data_handle());
    const w::Filters du{space, s_.inputs, s_.outputs};
    float *inputs = space + s_.filter_floats(), *outputs = inputs + w::points * tiles_ * s_.inputs;
    float* sums = outputs + w::points * tiles_ * s_.outputs;
    const auto bias = arguments.find(DNNL_ARG_DIFF_BIAS);
    float* db = bias == arguments.end() ? nullptr : sums + parts_of(tiles_) * s_.outputs;
    if (db) std::fill_n(db, s_.outputs, 0.0f);
    for (int64_t first = 0; first < s_.tiles(); first += tiles_) {
      const int64_t count = std::min(tiles_, s_.tiles() - first), parts = parts_of(count);
      const w::Block v{inputs, s_.inputs / w::lanes, tiles_, first, count},
          m{outputs, s_.outputs / w::lanes, tiles_, first, count};
      dnnl_parallel(parts, [&](int64_t i) {
        const int64_t begin = i * part, end = std::min(count, begin + part);
        pieces.evaluate_images(x, s_.grid(), v, begin, end);
        pieces.evaluate_gradients(dy, s_.grid(), m, db ? sums + i * s_.outputs : nullptr, begin, end);
      });
      for (int64_t i = 0; db && i < parts; ++i) {
        for (int64_t o = 0; o < s_.outputs; ++o) db[o] += sums[i * s_.outputs + o];
      }
      dnnl_parallel(w::points, [&](int64_t p) { pieces.accumulate(v, m, du, p, first == 0); });
    }
    const w::Windows dw{arguments.at(DNNL_ARG_DIFF_WEIGHTS).get_data_handle(), s_.storage, s_.inputs * 9, 9, false};
    dnnl_parallel(s_.outputs / w::lanes, [&](int64_t g) { pieces.interpolate_windows(du, dw, g, g + 1); });
    if (db) store(db, bias->second.get_data_handle());
  }

 private:
  static constexpr int64_t part = 8;  // tiles that one thread evaluates at a time
  static int64_t parts_of(int64_t tiles) { return (tiles + part - 1) / part; }
  void store(const float* db, void* to) const {
    for (int64_t o = 0; o < s_.outputs; ++o) {
      if (s_.storage == w::Storage::f32) static_cast<float*>(to)[o] = db[o];
      else static_cast<bf16*>(to)[o] = db[o];
    }
  }
  // Tiles should be many where filters are large, which are read and written once for each block; not more than fit into a cache otherwise.
  static int64_t block_tiles(const WinogradShape& s) {
    constexpr int64_t near_floats = 1 << 19;
    const int64_t fits = near_floats / (w::points * (s.inputs + s.outputs)), large = s.filter_floats() / (1 << 15);
    const int64_t most = std::clamp<int64_t>(std::max(fits, large), 56, 256), blocks = (s.tiles() + most - 1) / most;
    return (s.tiles() + blocks - 1) / blocks;
  }
  static int64_t floats(const WinogradShape& s) {
    const int64_t tiles = block_tiles(s);
    return s.filter_floats() + w::points * (s.inputs + s.outputs) * tiles + (parts_of(tiles) + 1) * s.outputs;
  }

  WinogradShape s_;
  int64_t tiles_;
};

}  // namespace mixnet::op
