#include "op/core/strip_kernel.h"

#include <algorithm>
#include <cstring>

namespace mixnet {
namespace {

constexpr size_t place_alignment = 64;

size_t next_place(size_t place, int64_t bytes) {
  return place + (static_cast<size_t>(bytes) + place_alignment - 1) / place_alignment * place_alignment;
}

Shape with_rows(Shape shape, int64_t rows) {
  shape[rows_axis] = rows;
  return shape;
}

bool same_step(const StripStep& a, const StripStep& b) {
  return a.in_rows() == b.in_rows() && a.out_rows() == b.out_rows() && a.above == b.above && a.below == b.below;
}

// Rows of a tensor of some height: where its first one lies, how many it has, and which one is meant.
struct RowPlace {
  char* data;
  int64_t rows, first;
};

void copy_rows(const RowForm& form, int64_t count, const RowPlace& from, const RowPlace& to) {
  for (int64_t run = 0; run < form.runs; ++run) {
    std::memcpy(to.data + (run * to.rows + to.first) * form.row, from.data + (run * from.rows + from.first) * form.row,
                static_cast<size_t>(count * form.row));
  }
}

// The last `count` of `from` rows to the front of a tensor of `to` rows in the same memory.
void keep_last_rows(const RowForm& form, char* data, int64_t count, int64_t from, int64_t to) {
  if (from == to && from == count) return;
  for (int64_t i = 0; i < form.runs; ++i) {
    // No run is written before it has been read: those that move down go first, those that move up go last.
    const int64_t run = to <= from ? i : form.runs - 1 - i;
    std::memmove(data + run * to * form.row, data + (run * from + from - count) * form.row,
                 static_cast<size_t>(count * form.row));
  }
}

}  // namespace

StripKernel::StripKernel(const std::vector<StripMember>& members, std::vector<Shape> shapes, std::vector<DType> dtypes,
                         int64_t height, const PrepareContext& c)
    : device_(c.device),
      training_(c.training),
      images_(c.inputs[0].shape[0]),
      shapes_(std::move(shapes)),
      dtypes_(std::move(dtypes)) {
  std::vector<RowWindow> windows;
  std::vector<int64_t> rows;
  size_t next = 1;
  for (const StripMember& m : members) {
    Member member;
    member.op = m;
    member.pointwise = m.op->is_pointwise(m.params.get());
    member.first_input = next;
    member.num_inputs = static_cast<size_t>(m.op->num_inputs(m.params.get())) - 1;
    for (size_t i = 0; i < member.num_inputs; ++i) member.others.push_back(c.inputs[next + i]);
    next += member.num_inputs;
    windows.push_back(*strip_window(m));
    members_.push_back(std::move(member));
  }
  for (const Shape& shape : shapes_) rows.push_back(shape[rows_axis]);
  schedule_ = schedule_strips(windows, rows, height);
  find_variants();
  choose_layouts(c.layouts.size() > 0 ? c.layouts[0] : nullptr);
  book();
}

void StripKernel::find_variants() {
  for (size_t m = 0; m < members_.size(); ++m) {
    std::vector<Variant>& variants = members_[m].variants;
    for (const std::vector<StripStep>& strip : schedule_) {
      const auto known =
          std::find_if(variants.begin(), variants.end(), [&](const Variant& v) { return same_step(v.step, strip[m]); });
      members_[m].variant_of.push_back(static_cast<size_t>(known - variants.begin()));
      if (known != variants.end() || !strip[m].runs()) continue;
      Variant v;
      v.step = strip[m];
      v.in.shape = with_rows(shapes_[m], strip[m].in_rows());
      v.out.shape = with_rows(shapes_[m + 1], strip[m].out_rows());
      v.in.dtype = dtypes_[m];
      v.out.dtype = dtypes_[m + 1];
      v.in.device = v.out.device = device_;
      variants.push_back(std::move(v));
    }
  }
}

// As executor/layouts.h for a chain: what a reader refuses is row-major, and then the members are prepared again.
void StripKernel::choose_layouts(const LayoutPtr& offered) {
  LayoutPtr image = offered ? offered->with_extent(0, 1) : nullptr;
  if (image && (image->step(rows_axis) == 0 || image->bytes() * images_ != offered->bytes())) image = nullptr;
  refused_.assign(members_.size() + 1, false);
  // A pointwise operator cannot convert what it passes on.
  refused_.back() = members_.back().pointwise;
  while (!prepare_all(image)) {
  }
  for (size_t m = 0; m < members_.size(); ++m) {
    for (Variant& v : members_[m].variants) {
      if (members_[m].pointwise) continue;
      if (m > 0 && kinds_[m]) v.kernel->adopt_input(0);
      if (m + 1 < members_.size() && kinds_[m + 1]) v.kernel->adopt_output(0);
    }
  }
}

// False: something more is refused.
bool StripKernel::prepare_all(const LayoutPtr& offered) {
  kinds_.assign(members_.size() + 1, nullptr);
  if (!refused_[0]) kinds_[0] = offered;
  for (size_t m = 0; m < members_.size(); ++m) {
    Member& member = members_[m];
    prepare_member(member, kinds_[m]);
    const bool passes = !member.pointwise || !refused_[m + 1];
    if (kinds_[m] && !(passes && takes(member, kinds_[m]))) {
      refused_[m] = true;
      return false;
    }
    if (!refused_[m + 1]) kinds_[m + 1] = member.pointwise ? kinds_[m] : result_kind(member, m);
  }
  return true;
}

void StripKernel::prepare_member(Member& member, const LayoutPtr& kind) {
  const bool wanted = true;
  for (Variant& v : member.variants) {
    v.part = member.pointwise ? RowPart{member.op.op, member.op.params}
                              : member.op.op->row_part(member.op.params.get(), v.step.above, v.step.below);
    std::vector<TensorView> in{v.in};
    in.insert(in.end(), member.others.begin(), member.others.end());
    std::vector<LayoutPtr> layouts;
    if (kind) {
      layouts.resize(in.size());
      layouts[0] = kind->with_extent(rows_axis, v.step.in_rows());
    }
    PrepareContext c;
    c.params_ = v.part.params.get();
    c.inputs = in;
    c.outputs = {&v.out, 1};
    c.wanted = {&wanted, 1};
    c.layouts = layouts;
    c.device = device_;
    c.training = training_;
    v.kernel = v.part.op->prepare(c);
  }
}

bool StripKernel::takes(const Member& member, const LayoutPtr& kind) const {
  if (member.pointwise) return kind->gapless();
  return std::all_of(member.variants.begin(), member.variants.end(), [&](const Variant& v) {
    return same_layout(v.kernel->input_layout(0), kind->with_extent(rows_axis, v.step.in_rows()));
  });
}

// The layout of a member's whole result of which all its kernels give rows; null: there is none.
LayoutPtr StripKernel::result_kind(const Member& member, size_t m) const {
  const LayoutPtr first = member.variants[0].kernel->output_layout(0);
  const LayoutPtr kind = first ? first->with_extent(rows_axis, shapes_[m + 1][rows_axis]) : nullptr;
  if (!kind || kind->step(rows_axis) == 0) return nullptr;
  const bool one = std::all_of(member.variants.begin(), member.variants.end(), [&](const Variant& v) {
    return same_layout(v.kernel->output_layout(0), kind->with_extent(rows_axis, v.step.out_rows()));
  });
  return one ? kind : nullptr;
}

RowForm StripKernel::form(size_t value) const {
  const Shape& shape = shapes_[value];
  const LayoutPtr& kind = kinds_[value];
  if (kind && (value < members_.size() || output_adopted_)) {
    const int64_t row = kind->step(rows_axis);
    return {kind->bytes() / (shape[rows_axis] * row), row};
  }
  int64_t row = dtype_size(dtypes_[value]);
  for (int i = rows_axis + 1; i < shape.ndim(); ++i) row *= shape[i];
  return {shape[1], row};
}

void StripKernel::book() {
  forms_.clear();
  buffers_.clear();
  size_t place = 0;
  int64_t aside = 0;
  for (size_t v = 0; v <= members_.size(); ++v) {
    forms_.push_back(form(v));
    buffers_.push_back(place);
    const RowForm& f = forms_.back();
    const bool buffered = v < members_.size() && (v > 0 || f.runs > 1);
    if (buffered) place = next_place(place, f.bytes(most_rows(schedule_, v)));
    for (size_t i = 0; v > 0 && f.runs > 1 && i < members_[v - 1].variants.size(); ++i)
      aside = std::max(aside, f.bytes(members_[v - 1].variants[i].step.out_rows()));
  }
  aside_ = place;
  kernels_ = next_place(place, aside);
}

size_t StripKernel::workspace() const {
  size_t most = 0;
  for (const Member& member : members_) {
    for (const Variant& v : member.variants) most = std::max(most, v.kernel->workspace());
  }
  return kernels_ + most;
}

bool StripKernel::foreign_threads() const {
  return std::any_of(members_.begin(), members_.end(), [](const Member& member) {
    return std::any_of(member.variants.begin(), member.variants.end(),
                       [](const Variant& v) { return v.kernel->foreign_threads(); });
  });
}

// Whose input it is, and which one.
std::pair<const StripKernel::Member*, int> StripKernel::owner(int i) const {
  const Member* owner = &members_[0];
  for (const Member& member : members_) {
    if (static_cast<size_t>(i) >= member.first_input && member.num_inputs > 0) owner = &member;
  }
  return {owner, i == 0 ? 0 : i - static_cast<int>(owner->first_input) + 1};
}

bool StripKernel::reads_input(int i) const {
  const auto [member, own] = owner(i);
  return member->variants[0].kernel->reads_input(own);
}

LayoutPtr StripKernel::input_layout(int i) const {
  if (i == 0) return kinds_[0] ? kinds_[0]->with_extent(0, images_) : nullptr;
  const auto [member, own] = owner(i);
  const int index = own;
  const LayoutPtr first = member->variants[0].kernel->input_layout(index);
  const bool one = std::all_of(member->variants.begin(), member->variants.end(),
                               [&](const Variant& v) { return same_layout(v.kernel->input_layout(index), first); });
  return one ? first : nullptr;
}

LayoutPtr StripKernel::output_layout(int) const {
  return kinds_.back() ? kinds_.back()->with_extent(0, images_) : nullptr;
}

void StripKernel::adopt_input(int i) {
  const auto [member, own] = owner(i);
  if (member->pointwise) return;
  for (const Variant& v : member->variants) v.kernel->adopt_input(own);
}

void StripKernel::adopt_output(int) {
  output_adopted_ = true;
  for (Variant& v : members_.back().variants) v.kernel->adopt_output(0);
  book();
}

void StripKernel::pack_input(int i, const void* plain, void* packed) const {
  const auto [member, own] = owner(i);
  member->variants[0].kernel->pack_input(own, plain, packed);
}

void StripKernel::run(const RunContext& r) const {
  const int64_t in = forms_.front().bytes(shapes_.front()[rows_axis]),
                out = forms_.back().bytes(shapes_.back()[rows_axis]);
  for (int64_t image = 0; image < images_; ++image)
    run_image(r, r.in[0].as<char>() + image * in, r.out[0].as<char>() + image * out);
}

void StripKernel::run_image(const RunContext& r, char* in, char* out) const {
  char* space = static_cast<char*>(r.context.workspace);
  std::vector<StripStep> before(members_.size());  // what each member has done last
  for (size_t s = 0; s < schedule_.size(); ++s) {
    const std::vector<StripStep>& strip = schedule_[s];
    for (size_t m = 0; m < members_.size(); ++m) {
      if (!strip[m].runs()) continue;
      const int64_t kept = std::max<int64_t>(0, before[m].in_last - strip[m].in_first);
      if (m > 0 && kept > 0)
        keep_last_rows(forms_[m], space + buffers_[m], kept, before[m].in_rows(), strip[m].in_rows());
      before[m] = strip[m];
    }
    for (size_t m = 0; m < members_.size(); ++m) {
      if (strip[m].runs()) run_step(r, s, m, in, out);
    }
  }
}

void StripKernel::run_step(const RunContext& r, size_t s, size_t m, char* in, char* out) const {
  const Member& member = members_[m];
  const Variant& v = member.variants[member.variant_of[s]];
  const StripStep& step = schedule_[s][m];
  char* space = static_cast<char*>(r.context.workspace);
  std::vector<TensorView> views{v.in};
  views.insert(views.end(), r.in.begin() + member.first_input, r.in.begin() + member.first_input + member.num_inputs);
  views[0].data = input_rows(m, step, in, space);

  // Where the result's rows belong: in the whole result, or in what the next member reads.
  const bool last = m + 1 == members_.size();
  const RowForm& f = forms_[m + 1];
  const RowPlace place = last ? RowPlace{out, shapes_[m + 1][rows_axis], step.out_first}
                              : RowPlace{space + buffers_[m + 1], schedule_[s][m + 1].in_rows(),
                                         step.out_first - schedule_[s][m + 1].in_first};
  const bool direct = f.runs == 1 || step.out_rows() == place.rows;
  TensorView result = v.out;
  result.data = direct ? place.data + place.first * f.row : space + aside_;
  KernelContext context = r.context;
  context.workspace = space + kernels_;
  v.kernel->run({views, {&result, 1}, context});
  if (!direct) copy_rows(f, step.out_rows(), {space + aside_, step.out_rows(), 0}, place);
}

char* StripKernel::input_rows(size_t m, const StripStep& step, char* in, char* space) const {
  if (m > 0) return space + buffers_[m];
  const int64_t rows = shapes_[0][rows_axis];
  if (forms_[0].runs == 1 || step.in_rows() == rows) return in + step.in_first * forms_[0].row;
  copy_rows(forms_[0], step.in_rows(), {in, rows, step.in_first}, {space + buffers_[0], step.in_rows(), 0});
  return space + buffers_[0];
}

}  // namespace mixnet
