# The CUDA backend: kernels by nvcc, CUDA's runtime linked in statically, so that the library loads where there is no driver.
if(CCACHE AND NOT CMAKE_CUDA_COMPILER_LAUNCHER)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE})
endif()
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)
message(STATUS "CUDA ${CUDAToolkit_VERSION}, architectures ${CMAKE_CUDA_ARCHITECTURES}")
set(CMAKE_CUDA_STANDARD 17)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)

make_op_table(${op_table} ${operator_sources} ${gpu_operators})
make_kernel_text(${kernel_text})
file(GLOB cuda_sources CONFIGURE_DEPENDS src/device/cuda/*.cc)
join(joined_kernels kernels .cu 6 ${gpu_operators})
add_library(mixnet_backend OBJECT ${cuda_sources} ${op_table} ${kernel_text} ${gpu_glue} ${joined_kernels} ${gpu_parts})
target_compile_options(mixnet_backend PRIVATE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Werror>
  $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr -Xcompiler=-Wall,-Wextra,-Werror,-fvisibility=hidden>)
target_link_libraries(mixnet_backend PRIVATE mixnet_objects CUDA::cudart_static)
# Not its include folder, which would have everything compiled twice.
target_link_libraries(mixnet_objects INTERFACE $<LINK_ONLY:CUDA::cudart_static>)
