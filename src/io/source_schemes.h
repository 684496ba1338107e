// Which schemes of URIs there are: those of the library, and what the program adds, which comes first.
#pragma once
#include <functional>
#include <string>

#include "io/source.h"

namespace mixnet {

using SourceOpener = std::function<std::shared_ptr<const Source>(const std::string& uri)>;

// From now on scheme://... is opened by it, on any thread; an empty one takes the program's opener away again. Throws Code::invalid for what is no scheme.
void register_scheme(const std::string& scheme, SourceOpener opener);

// "s3" of s3://bucket/key; empty for a path. Letters become small; one letter is a drive, not a scheme.
std::string scheme_of(const std::string& uri);

}  // namespace mixnet
