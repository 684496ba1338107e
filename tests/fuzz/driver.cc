// Runs a fuzz target on mutated seeds, for compilers without libFuzzer:
//   NAME_fuzz [--inputs N] [--seconds T] [--seed S] [--findings FOLDER] [--write-seeds FOLDER] [FILE ...]
// With files it runs just these. The last line on success is "N inputs, T seconds, E edges". Inputs depend only on the seed. An input
// that ends the process, or takes longer than 20 seconds of the processor, is written to FOLDER/NAME-finding first.
#include <fcntl.h>
#include <sanitizer/common_interface_defs.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "coverage.h"
#include "mutate.h"
#include "target.h"

namespace {

using namespace mixnet::fuzz;

std::string input;             // what is running
char finding_path[4096] = "";  // prepared, as a dying process must not allocate

void write_finding() {
  const int fd = ::open(finding_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) return;
  if (::write(fd, input.data(), input.size()) < 0) return;
  ::close(fd);
}

void on_signal(int number) {
  write_finding();
  const char* text =
      number == SIGALRM || number == SIGPROF ? "an input takes too long\n" : "an input ended the process\n";
  if (::write(2, text, std::strlen(text)) < 0) ::_exit(71);
  ::_exit(70);
}

struct Options {
  uint64_t inputs = 10000, seed = 1;
  double seconds = 1e9;
  std::string findings = ".", write_seeds;
  std::vector<std::string> files;
};

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i];
    const char* next = i + 1 < argc ? argv[i + 1] : "";
    if (a == "--inputs") o.inputs = std::strtoull(next, nullptr, 10), ++i;
    else if (a == "--seconds") o.seconds = std::strtod(next, nullptr), ++i;
    else if (a == "--seed") o.seed = std::strtoull(next, nullptr, 10), ++i;
    else if (a == "--findings") o.findings = next, ++i;
    else if (a == "--write-seeds") o.write_seeds = next, ++i;
    else o.files.push_back(a);
  }
  return o;
}

// By the processor's time, as a busy machine may leave us waiting; an input that sleeps for ever is found by the clock.
void limit_time() {
  const itimerval limit = {{0, 0}, {20, 0}};
  ::setitimer(ITIMER_PROF, &limit, nullptr);
  ::alarm(600);
}

void run_input() {
  limit_time();
  // A copy of exactly the input's size, so that reading past its end is seen.
  std::vector<uint8_t> exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

int run_files(const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    input = text.str();
    run_input();
  }
  return 0;
}

void write_seeds(const std::string& folder, const std::vector<std::string>& corpus) {
  for (size_t i = 0; i < corpus.size(); ++i)
    std::ofstream(folder + "/seed-" + std::to_string(i), std::ios::binary) << corpus[i];
}

int run_mutations(const Options& o, std::vector<std::string> corpus) {
  constexpr size_t largest_corpus = 20000;
  Mutator mutator(o.seed * 0x2545F4914F6CDD1Du + 1, dictionary());
  size_t longest = 256;
  for (const std::string& s : corpus) longest = std::max(longest, 2 * s.size());
  for (const std::string& s : corpus) {
    input = s;
    run_input();
  }
  take_fresh_coverage();
  const auto start = std::chrono::steady_clock::now();
  const auto passed = [start] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  uint64_t done = 0;
  for (; done < o.inputs && ((done & 255) != 0 || passed() < o.seconds); ++done) {
    Random& random = mutator.random();
    mutator.mutate(corpus[random.below(corpus.size())], corpus[random.below(corpus.size())], longest, input);
    run_input();
    if (take_fresh_coverage() && corpus.size() < largest_corpus) corpus.push_back(input);
  }
  std::printf("%llu inputs, %.1f seconds, %zu edges\n", static_cast<unsigned long long>(done), passed(), coverage());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const char* slash = std::strrchr(argv[0], '/');
  std::snprintf(finding_path, sizeof finding_path, "%s/%s-finding", options.findings.c_str(),
                slash ? slash + 1 : argv[0]);
  ::setenv("MIXNET_ENGINE", "naive", 0);
  __sanitizer_set_death_callback(write_finding);
  std::signal(SIGALRM, on_signal);
  std::signal(SIGPROF, on_signal);
  std::signal(SIGABRT, on_signal);
  if (!options.files.empty()) return run_files(options.files);
  const std::vector<std::string> corpus = seeds();
  if (!options.write_seeds.empty()) return write_seeds(options.write_seeds, corpus), 0;
  return run_mutations(options, corpus);
}
