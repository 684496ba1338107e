// Packing images into records.
#include "base/json.h"
#include "c_api/handles.h"
#include "io/image_packer.h"

namespace mixnet::c_api {
namespace {

constexpr const char* place = "image_pack";

ImageFormat read_encoding(const Json& value) {
  const std::string name = value.as_string();
  MIXNET_CHECK(name == ".jpg" || name == ".png", invalid, "[", place, "] encoding: expected '.jpg' or '.png', got '",
               name, "'");
  return name == ".png" ? ImageFormat::png : ImageFormat::jpeg;
}

// False: no path has this name.
bool set_path(const std::string& key, const Json& value, ImagePackOptions& options) {
  std::string* const path = key == "list"     ? &options.list
                            : key == "record" ? &options.record
                            : key == "index"  ? &options.index
                            : key == "root"   ? &options.root
                                              : nullptr;
  if (path) *path = value.as_string();
  return path != nullptr;
}

bool set_switch(const std::string& key, const Json& value, ImagePackOptions& options) {
  bool* const which = key == "pass_through"  ? &options.pass_through
                      : key == "check"       ? &options.check
                      : key == "center_crop" ? &options.center_crop
                      : key == "pack_label"  ? &options.pack_label
                      : key == "resume"      ? &options.resume
                                             : nullptr;
  if (which) *which = value.as_bool();
  return which != nullptr;
}

bool set_number(const std::string& key, const Json& value, ImagePackOptions& options) {
  int64_t* const number = key == "resize"        ? &options.resize
                          : key == "quality"     ? &options.quality
                          : key == "color"       ? &options.color
                          : key == "label_width" ? &options.label_width
                          : key == "threads"     ? &options.threads
                          : key == "part"        ? &options.part
                          : key == "parts"       ? &options.parts
                                                 : nullptr;
  if (number) *number = value.as_int();
  return number != nullptr;
}

ImagePackOptions read_options(const std::string& text) {
  ImagePackOptions options;
  const Json json = Json::parse(text, "[image_pack] options");
  for (const auto& [key, value] : json.members()) {
    if (set_path(key, value, options) || set_switch(key, value, options) || set_number(key, value, options)) continue;
    if (key == "encoding") options.encoding = read_encoding(value);
    else if (key == "inter_method") options.interpolation = static_cast<Interpolation>(value.as_int());
    else fail(Code::invalid, "[", place, "] options: unknown member '", key, "'");
  }
  for (const std::string* path : {&options.list, &options.record, &options.index})
    MIXNET_CHECK(!path->empty(), invalid, "[", place, "] options: expected paths as list, record and index");
  return options;
}

Json to_json(const ImagePackReport& report) {
  Json faults = Json::array();
  for (const ImagePackReport::Fault& fault : report.faults)
    faults.push_back(
        Json::object({{"line", fault.line}, {"id", fault.id}, {"path", fault.path}, {"reason", fault.reason}}));
  return Json::object({{"total", report.total},
                       {"done", report.done},
                       {"packed", report.packed},
                       {"resumed", report.resumed},
                       {"skipped", report.skipped},
                       {"bytes", report.bytes},
                       {"faults", std::move(faults)}});
}

}  // namespace
}  // namespace mixnet::c_api

using namespace mixnet;
using namespace mixnet::c_api;

int32_t mxn_image_pack(const char* options, mxn_task_fn fn, void* user, mxn_destroy_fn destroy, int64_t* out_done,
                       int64_t* out_total, char** out_report) {
  return guard([&] {
    const UserData data(user, destroy);
    clear(out_done, place, "out_done");
    clear(out_total, place, "out_total");
    clear(out_report, place, "out_report");
    const auto progress = [&](const ImagePackReport& report) {
      *out_done = report.done;
      *out_total = report.total;
      if (fn) check_callback(fn(data.get()), place);
    };
    const ImagePackReport report = pack_images(read_options(&required(options, place, "options")), progress);
    *out_report = copy_text(to_json(report).dump());
  });
}
