/// mixnet for C++17: everything, on top of the C ABI, in headers alone. Link with -lmixnet, or with mixnet::mixnet in CMake.
///
///     #include <mixnet/mixnet.hpp>
///     using namespace mixnet;
///     NDArray a({1, 2, 3, 4}, {2, 2});
///     std::cout << op::dot(a, a) << "\n";
///
/// Whatever fails throws mixnet::Error. Calls only queue work; reading values waits for it. Objects are moved, not copied.
#pragma once

#include <mixnet/autograd.hpp>
#include <mixnet/cached_op.hpp>
#include <mixnet/callback.hpp>
#include <mixnet/custom.hpp>
#include <mixnet/data_iter.hpp>
#include <mixnet/executor.hpp>
#include <mixnet/feed_forward.hpp>
#include <mixnet/image_record.hpp>
#include <mixnet/initializer.hpp>
#include <mixnet/interrupt.hpp>
#include <mixnet/iterators.hpp>
#include <mixnet/kvstore.hpp>
#include <mixnet/metric.hpp>
#include <mixnet/operators.hpp>
#include <mixnet/optimizer.hpp>
#include <mixnet/predictor.hpp>
#include <mixnet/quiet_threads.hpp>
#include <mixnet/record.hpp>
