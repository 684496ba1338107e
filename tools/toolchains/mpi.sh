#!/usr/bin/env bash
# Open MPI with its C headers and mpirun, from Debian; an MPI that is there already is taken. One line at the end; codes as in apt.sh.
source "$(dirname "$0")/apt.sh"

if ! have mpirun || ! have mpicc; then install mpi openmpi-bin libopenmpi-dev; fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/ranks.c" <<'PROGRAM'
#include <mpi.h>
int main(void) {
  int rank, sum = 0;
  MPI_Init(0, 0);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  MPI_Finalize();
  return sum != 1;
}
PROGRAM
mpicc "$folder/ranks.c" -o "$folder/ranks" 2>/dev/null || broken mpi "mpicc does not compile"
options=()
if mpirun --version | grep -q "Open MPI"; then
  options+=(--oversubscribe)
  if [ "$(id -u)" = 0 ]; then options+=(--allow-run-as-root); fi
fi
timeout 60 mpirun "${options[@]}" -n 2 "$folder/ranks" >/dev/null 2>&1 || broken mpi "two processes cannot add their numbers"
ready mpi "$(mpirun --version | head -1)"
