/* A plug-in that must be refused: of a later ABI (BAD_ABI), or with a second operator whose default lies out of range. */
#include "mixnet/plugin.h"

static int32_t run(mxn_plugin_call_t *call) { return call->num_inputs - 1; }

static int32_t add(const mxn_plugin_host_t *host) {
  static const mxn_plugin_name_t inputs[] = {{"data", ""}};
  static const mxn_plugin_param_t beta = {sizeof beta, "beta", "", MXN_PLUGIN_FLOAT, "7", NULL, 0, 1, 0, 1};
  mxn_plugin_operator_t op = {sizeof op};
  op.name = "fresh_other_name";
  op.inputs = inputs, op.num_inputs = 1;
  op.run = run;
  host->add_operator(host, &op);
  op.name = "fresh_name";
  op.params = &beta, op.num_params = 1;
  host->add_operator(host, &op);
  return 0; /* whatever it says */
}

#if defined(BAD_ABI)
#undef MXN_PLUGIN_ABI
#define MXN_PLUGIN_ABI 1000
#endif
MXN_PLUGIN(add)
