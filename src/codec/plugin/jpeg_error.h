// libjpeg's errors as text: nothing is written to stderr, and the process goes on.
#pragma once
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <jpeglib.h>

#include <jerror.h>

#include "codec/plugin.h"

namespace mixnet::codec {

struct JpegErrors {
  jpeg_error_mgr manager;  // the first: libjpeg's pointer to it is one to this
  std::jmp_buf back;
  char* text;
  int32_t fault;

  // Not in a function that is left before libjpeg is done: setjmp must be in the caller.
  jpeg_error_mgr* start(char* message) {
    jpeg_std_error(&manager);
    manager.error_exit = give_up;
    manager.emit_message = warn;
    manager.output_message = [](j_common_ptr) {};
    text = message;
    fault = broken;
    return &manager;
  }

  static JpegErrors& of(j_common_ptr info) { return *reinterpret_cast<JpegErrors*>(info->err); }

  [[noreturn]] static void give_up(j_common_ptr info) {
    JpegErrors& errors = of(info);
    char message[JMSG_LENGTH_MAX];
    info->err->format_message(info, message);
    std::snprintf(errors.text, text_size, "%s", message);
    if (info->err->msg_code == JERR_OUT_OF_MEMORY || info->err->msg_code == JERR_NO_BACKING_STORE)
      errors.fault = no_memory;
    std::longjmp(errors.back, 1);
  }

  [[noreturn]] static void give_up(j_common_ptr info, const char* message) {
    JpegErrors& errors = of(info);
    std::snprintf(errors.text, text_size, "%s", message);
    std::longjmp(errors.back, 1);
  }

  // What libjpeg only warns of is damage to the pixels, but for a few things beside them.
  static void warn(j_common_ptr info, int level) {
    if (level >= 0) return;
    const int code = info->err->msg_code;
    const bool beside = code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM ||
                        (code == JWRN_EXTRANEOUS_DATA && info->err->msg_parm.i[1] == JPEG_EOI);
    if (!beside) give_up(info);
  }
};

}  // namespace mixnet::codec
