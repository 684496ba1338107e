// libpng's errors as text, for both directions.
#pragma once
#include <png.h>

#include <cstdio>

#include "codec/plugin.h"

namespace mixnet::codec {

struct PngErrors {
  char* text;
  int32_t fault;

  [[noreturn]] static void give_up(png_structp png, png_const_charp message) {
    const auto& errors = *static_cast<PngErrors*>(png_get_error_ptr(png));
    std::snprintf(errors.text, text_size, "%s", message);
    png_longjmp(png, 1);
  }
  [[noreturn]] static void out_of_memory(png_structp png, png_const_charp message) {
    static_cast<PngErrors*>(png_get_error_ptr(png))->fault = no_memory;
    give_up(png, message);
  }
  // What libpng goes on from does not concern the pixels.
  static void warn(png_structp, png_const_charp) {}
};

}  // namespace mixnet::codec
