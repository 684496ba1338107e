// CSVIter: numbers separated by commas, an example a line.
#include <algorithm>

#include "io/batch_params.h"
#include "io/iter_registry.h"
#include "io/number_text.h"
#include "io/prefetcher.h"
#include "io/row_lines.h"

namespace mixnet {
namespace {

struct CsvParams {
  std::string data_csv;
  Shape data_shape;
  std::optional<std::string> label_csv;
  Shape label_shape{1};
  bool round_batch = true;
  BatchParams batch;
};

template <class T>
void parse_line(const std::string& name, const TextLine& line, int64_t width, T* to) {
  std::string_view rest = line.text;
  for (int64_t i = 0; i < width; ++i) {
    const std::string_view field = rest;
    const bool number = read_number(&rest, to + i);
    while (number && !rest.empty() && (rest[0] == ' ' || rest[0] == '\t')) rest.remove_prefix(1);
    const bool last = i + 1 == width;
    if (number && last && rest.empty()) return;
    if (number && !last && !rest.empty() && rest[0] == ',') {
      rest.remove_prefix(1);
      continue;
    }
    const int64_t there = 1 + std::count(line.text.begin(), line.text.end(), ',');
    if (there != width && number && (rest.empty() || rest[0] == ','))
      fail(Code::io, "[", name, "] ", *line.file, ":", line.number, ": expected ", width, " numbers, got ", there);
    const std::string_view word = field.substr(0, std::min<size_t>(std::min(field.find(','), field.size()), 40));
    fail(Code::io, "[", name, "] ", *line.file, ":", line.number, ": expected ",
         std::is_integral_v<T> ? "a whole number" : "a number", " in place ", i + 1, ", got '", std::string(word), "'");
  }
}

template <class T>
class CsvLoader : public BatchLoader {
 public:
  CsvLoader(const CsvParams& p, const std::string& name, DType dtype)
      : name_(name),
        width_(p.data_shape.size()),
        label_width_(p.label_shape.size()),
        data_{data_desc(p.batch.batch_size, p.data_shape, dtype)},
        label_{label_desc(p.batch.batch_size, p.label_shape, dtype)},
        lines_(name, p.data_csv, given_path(p.label_csv), 0,
               {p.batch.batch_size, p.round_batch, p.batch.part_index, p.batch.num_parts}) {
    lines_.look([this](int64_t, const std::vector<TextLine>& lines, const std::vector<TextLine>* labels) {
      const NDArray values(Shape{static_cast<int64_t>(lines.size()), std::max(width_, label_width_)}, data_[0].dtype);
      parse(lines, width_, values.view().as<T>());
      if (labels) parse(*labels, label_width_, values.view().as<T>());
    });
  }

  const std::vector<ArrayDesc>& data() const override { return data_; }
  const std::vector<ArrayDesc>& label() const override { return label_; }

  bool load(Batch* batch) override {
    const NDArray data(data_[0].shape, data_[0].dtype), label(label_[0].shape, label_[0].dtype);
    T *const to = data.view().as<T>(), *const label_to = label.view().as<T>();
    const auto use = [&](int64_t at, const std::vector<TextLine>& lines, const std::vector<TextLine>* labels) {
      parse(lines, width_, to + at * width_);
      if (labels) parse(*labels, label_width_, label_to + at * label_width_);
      else std::fill_n(label_to + at * label_width_, static_cast<int64_t>(lines.size()) * label_width_, T(0));
    };
    if (!lines_.next(batch, use)) return false;
    batch->data = {data};
    batch->label = {label};
    return true;
  }

  void restart(int64_t given) override { lines_.restart(given); }
  void stop() const override { lines_.stop(); }

 private:
  void parse(const std::vector<TextLine>& lines, int64_t width, T* to) const {
    if (lines.empty()) return;
    const int64_t count = static_cast<int64_t>(lines.size());
    const int64_t bytes = static_cast<int64_t>(lines[0].text.size()) * count;
    for_each_row(count, bytes,
                 [&](int64_t i) { parse_line(name_, lines[static_cast<size_t>(i)], width, to + i * width); });
  }

  const std::string name_;
  const int64_t width_, label_width_;
  const std::vector<ArrayDesc> data_, label_;
  RowLines lines_;
};

std::unique_ptr<BatchLoader> make_loader(const CsvParams& p, const std::string& name) {
  for (const Shape& shape : {p.data_shape, p.label_shape}) checked_size(shape, 8 * p.batch.batch_size);
  const DType dtype = p.batch.dtype.value_or(DType::f32);
  switch (dtype) {
    case DType::f32: return std::make_unique<CsvLoader<float>>(p, name, dtype);
    case DType::f64: return std::make_unique<CsvLoader<double>>(p, name, dtype);
    case DType::i32: return std::make_unique<CsvLoader<int32_t>>(p, name, dtype);
    case DType::i64: return std::make_unique<CsvLoader<int64_t>>(p, name, dtype);
    default: refuse_dtype(name, dtype, "float32, float64, int32 or int64");
  }
}

std::unique_ptr<DataIter> make(const CsvParams& p, const std::string& name) {
  return make_prefetcher(name, make_loader(p, name), p.batch.prefetch_buffer);
}

}  // namespace

IterSchema csv_iter_schema() {
  using P = CsvParams;
  std::vector<ParamField> fields{
      described("data_csv", &P::data_csv, "file with an example a line; a folder, or several of either joined by ';'"),
      described("data_shape", &P::data_shape, "shape of an example"),
      described("label_csv", &P::label_csv, "file with the labels, a line for each example; None: all labels are 0"),
      described("label_shape", &P::label_shape, "shape of a label; (1,) gives labels of shape (batch_size,)"),
      described(
          "round_batch", &P::round_batch,
          "an epoch begins behind the examples that filled the last batch of the one before; False: with the first"),
  };
  for (int i : {0, 1}) FieldBuilder(&fields[static_cast<size_t>(i)]).required();
  for (int i : {1, 3}) FieldBuilder(&fields[static_cast<size_t>(i)]).range(1);
  for (ParamField& f : fields_of_member(batch_fields(), &P::batch)) fields.push_back(std::move(f));
  return make_iter_schema<P>(
      "CSVIter",
      "Numbers from CSV files, an example a line. The last batch of an epoch is filled from the beginning of the file, "
      "which pad tells. A line that is not what it should be is an error of the batch it is in. Lines are read as they "
      "are needed.",
      std::move(fields), make);
}

}  // namespace mixnet
