// Several files of records as one: each begins where the one before, filled up to a multiple of 4, has ended.
#pragma once
#include <string>
#include <vector>

#include "io/source.h"

namespace mixnet {

// A file, a folder (its .rec files, by name), or several of either, separated by ';'. Throws Code::io "[place] PATH: ..." where there is nothing.
std::shared_ptr<const Source> open_records(const std::string& place, const std::string& paths);
std::shared_ptr<const Source> join_records(std::vector<std::shared_ptr<const Source>> files);

}  // namespace mixnet
