// Stands in for NVRTC: takes its calls in their order and refuses what it would refuse. A "cubin" is the options and the source, a line `#error TEXT`
// a mistake in it.
#include <cstddef>
#include <cstring>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

enum {
  success = 0,
  invalid_input = 3,
  invalid_program = 4,
  invalid_option = 5,
  compilation = 6,
  no_names_after_compilation = 8,
  no_lowered_names_before_compilation = 9,
  name_not_valid = 10
};

struct Program {
  std::string name, source, log, cubin;
  std::map<std::string, std::string> lowered;  // by name expression
  bool compiled = false;
};
int alive = 0;

int give(const Program* p, const std::string& bytes, size_t* size) {
  if (!p || !size) return invalid_input;
  *size = bytes.size();
  return success;
}
int give(const Program* p, const std::string& bytes, char* to) {
  if (!p || !to) return invalid_input;
  std::memcpy(to, bytes.data(), bytes.size());
  return success;
}

// Logs end with a zero.
int refuse(Program* p, int code, const std::string& line) {
  p->log = line + "\n";
  p->log.push_back('\0');
  return code;
}

bool known(const std::string& option) {
  return option.rfind("--gpu-architecture=sm_", 0) == 0 || option.rfind("-D", 0) == 0 || option == "-default-device";
}

}  // namespace

#define STAND_IN extern "C" __attribute__((visibility("default")))

STAND_IN int stand_in_programs() { return alive; }

STAND_IN int nvrtcVersion(int* major, int* minor) {
  *major = 13;
  *minor = 0;
  return success;
}
STAND_IN const char* nvrtcGetErrorString(int code) {
  return code == invalid_option ? "NVRTC_ERROR_INVALID_OPTION" : "NVRTC_ERROR of the stand-in";
}
STAND_IN int nvrtcGetNumSupportedArchs(int* count) {
  *count = 4;
  return success;
}
STAND_IN int nvrtcGetSupportedArchs(int* archs) {
  const int all[] = {75, 80, 90, 100};
  std::memcpy(archs, all, sizeof all);
  return success;
}
STAND_IN int nvrtcCreateProgram(Program** out, const char* source, const char* name, int num_headers,
                                const char* const*, const char* const*) {
  if (!out || !source || num_headers != 0) return invalid_input;
  *out = new Program;
  (*out)->source = source;
  (*out)->name = name ? name : "default_program";
  ++alive;
  return success;
}
STAND_IN int nvrtcDestroyProgram(Program** program) {
  if (!program || !*program) return invalid_program;
  delete *program;
  *program = nullptr;
  --alive;
  return success;
}
STAND_IN int nvrtcAddNameExpression(Program* p, const char* name) {
  if (p->compiled) return no_names_after_compilation;
  p->lowered[name] = "_Z" + std::to_string(std::strlen(name)) + name;
  return success;
}
STAND_IN int nvrtcCompileProgram(Program* p, int num_options, const char* const* options) {
  p->compiled = true;
  for (int i = 0; i < num_options; ++i) {
    if (!known(options[i]))
      return refuse(p, invalid_option, std::string("nvrtc: error: unrecognized option ") + options[i] + " found");
    p->cubin += std::string(options[i]) + "\n";
  }
  std::istringstream lines(p->source);
  int number = 1;
  for (std::string line; std::getline(lines, line); ++number) {
    if (line.rfind("#error ", 0) == 0)
      return refuse(p, compilation, p->name + "(" + std::to_string(number) + "): error: " + line.substr(7));
  }
  p->cubin += p->source;
  return success;
}
STAND_IN int nvrtcGetProgramLogSize(const Program* p, size_t* size) { return give(p, p->log, size); }
STAND_IN int nvrtcGetProgramLog(const Program* p, char* log) { return give(p, p->log, log); }
STAND_IN int nvrtcGetCUBINSize(const Program* p, size_t* size) {
  return p->compiled ? give(p, p->cubin, size) : invalid_program;
}
STAND_IN int nvrtcGetCUBIN(const Program* p, char* cubin) {
  return p->compiled ? give(p, p->cubin, cubin) : invalid_program;
}
STAND_IN int nvrtcGetLoweredName(const Program* p, const char* name, const char** out) {
  if (!p->compiled) return no_lowered_names_before_compilation;
  const auto it = p->lowered.find(name);
  if (it == p->lowered.end()) return name_not_valid;
  *out = it->second.c_str();
  return success;
}
