// The tests of the C++ binding. MIXNET_CONFORMANCE: the folder of the conformance data.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
