// SPDX-License-Identifier: Apache-2.0
//
// Functions that GStreamer's CUDA library looks up in a driver but that need a real device. They fail
// whatever their arguments are. This file does not include cuda.h, which declares them with parameters.
enum { not_supported = 801 };  // CUDA_ERROR_NOT_SUPPORTED
#define REFUSED(name)     \
  int name(void) {        \
    return not_supported; \
  }

REFUSED(cuCtxDisablePeerAccess)
REFUSED(cuCtxEnablePeerAccess)
REFUSED(cuCtxGetLimit)
REFUSED(cuCtxSetLimit)
REFUSED(cuCtxSynchronize)
REFUSED(cuEventCreate)
REFUSED(cuEventDestroy_v2)
REFUSED(cuEventRecord)
REFUSED(cuEventSynchronize)
REFUSED(cuGLGetDevices_v2)
REFUSED(cuGraphicsGLRegisterBuffer)
REFUSED(cuGraphicsGLRegisterImage)
REFUSED(cuGraphicsMapResources)
REFUSED(cuGraphicsResourceGetMappedPointer_v2)
REFUSED(cuGraphicsResourceSetMapFlags_v2)
REFUSED(cuGraphicsSubResourceGetMappedArray)
REFUSED(cuGraphicsUnmapResources)
REFUSED(cuGraphicsUnregisterResource)
REFUSED(cuIpcCloseMemHandle)
REFUSED(cuIpcGetEventHandle)
REFUSED(cuIpcGetMemHandle)
REFUSED(cuIpcOpenEventHandle)
REFUSED(cuIpcOpenMemHandle)
REFUSED(cuLaunchKernel)
REFUSED(cuMemcpyDtoDAsync_v2)
REFUSED(cuMemcpyDtoD_v2)
REFUSED(cuMemcpyDtoHAsync_v2)
REFUSED(cuMemcpyDtoH_v2)
REFUSED(cuMemcpyHtoDAsync_v2)
REFUSED(cuMemcpyHtoD_v2)
REFUSED(cuMemsetD2D16Async)
REFUSED(cuMemsetD2D16_v2)
REFUSED(cuMemsetD2D32Async)
REFUSED(cuMemsetD2D32_v2)
REFUSED(cuMemsetD2D8Async)
REFUSED(cuMemsetD2D8_v2)
REFUSED(cuModuleGetFunction)
REFUSED(cuModuleLoadData)
REFUSED(cuModuleUnload)
REFUSED(cuTexObjectCreate)
REFUSED(cuTexObjectDestroy)
