#include "pass/rewrite.h"

#include "base/environment.h"
#include "pass/cancel.h"
#include "pass/merge.h"

namespace mixnet {

std::vector<Entry> rewrite(Typed typed) {
  auto apply = [&typed](std::vector<Entry> heads) {
    if (heads != typed.graph.heads()) typed = retype(std::move(heads), typed);
  };
  if (environment_bool("CANCEL", true)) apply(cancel(typed));
  if (environment_bool("MERGE", true)) apply(merge(typed));
  return typed.graph.heads();
}

}  // namespace mixnet
