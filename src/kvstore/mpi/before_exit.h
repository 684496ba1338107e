// What is left over of groups of workers when the process ends.
#pragma once

namespace mixnet::mpi {

// Calls leave(object) when the process ends, before MPI is shut down, unless it is forgotten by then.
void leave_before_exit(void* object, void (*leave)(void* object));
void forget_before_exit(void* object);

// MPI may still use its memory: it is not deleted, but somebody knows of it.
void keep_for_ever(void* object);

}  // namespace mixnet::mpi
