#include "codec/codecs.h"

#include "base/error.h"
#include "base/plugin_library.h"

namespace mixnet::codec {

const Plugin& codecs() {
  static const Plugin& plugin =
      open_plugin<Plugin>({"image", "the codecs of JPEG and PNG", "libmixnet_codec.so", plugin_symbol, "CODEC_PLUGIN",
                           "libjpeg-turbo and libpng with their headers (Debian: libjpeg62-turbo-dev and libpng-dev)"});
  return plugin;
}

void check(int32_t fault, const char* format, const char* text) {
  if (fault == ok) return;
  fail(fault == no_memory ? Code::memory : Code::io, "[image] ", format, ": ", text);
}

}  // namespace mixnet::codec
