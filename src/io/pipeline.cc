#include "io/pipeline.h"

#include "base/fork.h"
#include "io/crew.h"

namespace mixnet {
namespace {

constexpr size_t faults_told = 100;
constexpr int64_t hopeless = 1000;  // so many holes and nothing else: no broken files, but a wrong shape or the like

class Pipeline final : public DataIter {
 public:
  Pipeline(std::unique_ptr<Work> work, std::vector<ArrayDesc> data, std::vector<ArrayDesc> label,
           const PipelineOptions& options)
      : work_(std::move(work)),
        data_(std::move(data)),
        label_(std::move(label)),
        options_(options),
        walk_(work_.get(), options.round) {
    MIXNET_CHECK(options.threads >= 1, invalid, "[", options.name, "] threads: expected at least 1, got ",
                 options.threads);
    MIXNET_CHECK(!data_.empty() && data_[0].shape.ndim() > 0 && data_[0].shape[0] >= 1, invalid, "[", options.name,
                 "] batch_size: expected at least 1");
  }
  ~Pipeline() override {
    leave_if_forked();
    if (crew_) work_->stop();
  }

  const std::vector<ArrayDesc>& data() const override { return data_; }
  const std::vector<ArrayDesc>& label() const override { return label_; }
  IterReport report() const override { return report_; }
  bool next(Batch* batch, const WaitOptions& wait) override;
  void reset() override;

 private:
  void leave_if_forked();
  void add(const BatchRows::Finished& batch);
  std::exception_ptr no_examples() const;
  [[noreturn]] void end_with(std::exception_ptr error);

  const std::unique_ptr<Work> work_;
  const std::vector<ArrayDesc> data_, label_;
  const PipelineOptions options_;
  const std::string reading_ = options_.name + " read", writing_ = options_.name + " example";
  EpochWalk walk_;
  uint32_t generation_ = 0;  // that of the fork in which the crew began
  std::unique_ptr<Crew> crew_;
  // Of the epoch: what ended it, whether it is over, what it gave.
  std::exception_ptr error_;
  bool over_ = false;
  int64_t examples_ = 0, skipped_ = 0;
  std::string told_;  // its first fault
  IterReport report_;
};

// The threads of a parent are not here, and the locks they held are locked for ever: what belongs to them is left where it is.
void Pipeline::leave_if_forked() {
  if (!crew_ || generation_ == fork_generation()) return;
  (void)crew_.release();
  walk_.restart();
  over_ = false;
}

void Pipeline::add(const BatchRows::Finished& batch) {
  if (skipped_ == 0 && !batch.faults.empty()) told_ = batch.faults[0];
  examples_ += batch.examples;
  skipped_ += static_cast<int64_t>(batch.faults.size());
  report_.examples += batch.examples;
  report_.skipped += static_cast<int64_t>(batch.faults.size());
  for (const std::string& fault : batch.faults) {
    if (report_.faults.size() < faults_told) report_.faults.push_back(fault);
  }
}

std::exception_ptr Pipeline::no_examples() const {
  return std::make_exception_ptr(Error(Code::io, concat("[", options_.name, "] none of the first ", skipped_,
                                                        " examples could be read, such as ", told_)));
}

void Pipeline::end_with(std::exception_ptr error) {
  error_ = error;
  crew_->drop();
  std::rethrow_exception(error);
}

bool Pipeline::next(Batch* batch, const WaitOptions& wait) {
  leave_if_forked();
  if (error_) std::rethrow_exception(error_);
  if (over_) return false;
  if (!crew_) {
    generation_ = fork_generation();
    crew_ = std::make_unique<Crew>(Crew::Task{*work_, walk_, data_, label_, options_, reading_, writing_});
  }
  crew_->start();
  for (;;) {
    BatchRows::Finished finished;
    const Crew::Got got = crew_->next(&finished, wait);
    if (got.error) end_with(got.error);
    if (!got.batch) break;
    add(finished);
    const auto fault = [&] { return concat("[", options_.name, "] ", finished.faults[0]); };
    if (options_.raise_on_fault && !finished.faults.empty())
      end_with(std::make_exception_ptr(Error(Code::io, fault())));
    if (examples_ == 0 && skipped_ >= hopeless) end_with(no_examples());
    if (finished.examples == 0) continue;
    *batch = std::move(finished.batch);
    over_ = got.last;
    return true;
  }
  over_ = true;
  if (examples_ == 0 && skipped_ > 0) end_with(no_examples());
  return false;
}

void Pipeline::reset() {
  leave_if_forked();
  if (crew_) crew_->drop();
  walk_.advance(over_);
  error_ = nullptr;
  over_ = false;
  examples_ = skipped_ = 0;
  if (crew_) crew_->go_on();
}

}  // namespace

std::unique_ptr<DataIter> make_pipeline(std::unique_ptr<Work> work, std::vector<ArrayDesc> data,
                                        std::vector<ArrayDesc> label, const PipelineOptions& options) {
  return std::make_unique<Pipeline>(std::move(work), std::move(data), std::move(label), options);
}

}  // namespace mixnet
