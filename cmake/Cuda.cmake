# The CUDA twins of the kernels. Architectures are set before the language is enabled, and the
# runtime is linked statically, so that the wheel needs a driver and nothing else.
include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  message(FATAL_ERROR
    "ENGRAIN_CUDA=1 needs nvcc, and none was found. Install the CUDA toolkit, or "
    "`pip install nvidia-cuda-nvcc nvidia-cuda-crt nvidia-nvvm nvidia-cuda-runtime nvidia-cuda-cccl` "
    "and set CUDACXX to its nvcc; or build without ENGRAIN_CUDA.")
endif()
set(CMAKE_CUDA_ARCHITECTURES 80 90 100)
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
set(CMAKE_CUDA_STANDARD 17)
enable_language(CUDA)
file(GLOB cuda_sources CONFIGURE_DEPENDS csrc/cuda/*.cu)
nanobind_add_module(_cuda NB_STATIC FREE_THREADED csrc/cuda/bindings/cuda.cpp ${cuda_sources})
# cuda.cpp includes the runtime's headers, which only nvcc finds by itself. FindCUDAToolkit would
# also ask for the shared runtime, which the pip packages name differently and nothing here needs.
target_include_directories(_cuda PRIVATE csrc/include)
target_include_directories(_cuda SYSTEM PRIVATE ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
target_compile_options(_cuda PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr>)
install(TARGETS _cuda DESTINATION engrain)
