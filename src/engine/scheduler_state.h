// What of a scheduler a fork may leave locked or miscounted, so that a child begins with a new one.
#pragma once
#include <array>
#include <mutex>

#include "engine/in_flight.h"
#include "engine/parking.h"
#include "engine/scheduler.h"

namespace mixnet {

struct Scheduler::State {
  State(int64_t max_ops, int64_t max_bytes) : max_ops(max_ops), max_bytes(max_bytes), in_flight(max_ops, max_bytes) {}
  const int64_t max_ops, max_bytes;
  InFlight in_flight;
  std::array<Parking, 16> parking;
  SpinLock error_lock;
  PoisonPtr first_error;
  std::mutex shutdown;

  Parking& parking_of(const Barrier* barrier) {
    return parking[(reinterpret_cast<uintptr_t>(barrier) >> 6) % parking.size()];
  }
};

}  // namespace mixnet
