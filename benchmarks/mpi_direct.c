/* What MPI itself takes: allreduces of floats, called directly. Prints rank 0's seconds, one call a line.
   Usage: mpirun -n N mpi_direct ELEMENTS CALLS [TOGETHER]: so many calls one after the other count as one. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char** argv) {
  const int count = atoi(argv[1]), calls = atoi(argv[2]), together = argc > 3 ? atoi(argv[3]) : 1;
  int rank;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  float* from = malloc(sizeof(float) * (size_t)count);
  float* to = malloc(sizeof(float) * (size_t)count);
  for (int i = 0; i < count; ++i) from[i] = 1, to[i] = 0;
  MPI_Barrier(MPI_COMM_WORLD);
  for (int call = 0; call < calls + 2; ++call) {
    const double begin = MPI_Wtime();
    for (int i = 0; i < together; ++i) MPI_Allreduce(from, to, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    const double seconds = MPI_Wtime() - begin;
    if (rank == 0 && call >= 2) printf("%.9f\n", seconds);
  }
  MPI_Finalize();
  return 0;
}
