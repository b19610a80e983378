// SPDX-License-Identifier: Apache-2.0
#include "model/kernels/instruction_sets.h"

#include <array>
#include <cstdlib>
#include <string_view>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace uniad::cpu {

extern const Kernels fp32_baseline;
#if defined(__x86_64__)
extern const Kernels fp32_avx2;
extern const Kernels fp32_avx512;
extern const Kernels bf16_avx512;
extern const Kernels bf16_amx;
extern const Kernels int8_avx_vnni;
extern const Kernels int8_avx512;
#endif

namespace {

enum class InstructionSet { Baseline, Avx2, Avx512, Avx512Bf16, Amx };

constexpr std::array<std::string_view, 5> names{"baseline", "avx2", "avx512", "avx512_bf16", "amx"};

#if defined(__x86_64__)

bool has_avx512_bf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & (1U << 5)) != 0;
}

bool has_avx_vnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & (1U << 4)) != 0;
}

// Linux allocates the 8 KiB of tile state only on request.
bool may_use_amx() {
  constexpr unsigned amx_bf16 = 1U << 22, amx_tile = 1U << 24;
  constexpr long request_permission = 0x1023, tile_data = 18;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  if ((d & amx_bf16) == 0 || (d & amx_tile) == 0) return false;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

InstructionSet of_processor() {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return InstructionSet::Baseline;
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
    return InstructionSet::Avx2;
  if (!has_avx512_bf16()) return InstructionSet::Avx512;
  return may_use_amx() ? InstructionSet::Amx : InstructionSet::Avx512Bf16;
}

#else

InstructionSet of_processor() {
  return InstructionSet::Baseline;
}

#endif

InstructionSet allowed() {
  static const InstructionSet processor = of_processor();
  const char *limit =
      std::getenv("UNIAD_MAX_CPU_ISA");  // NOLINT(concurrency-mt-unsafe): nothing here sets it
  for (std::size_t i = 0; limit != nullptr && i < names.size(); ++i) {
    if (names[i] == limit && static_cast<InstructionSet>(i) < processor)
      return static_cast<InstructionSet>(i);
  }
  return processor;
}

}  // namespace

const Kernels *best_kernels(Precision precision) {
  const InstructionSet set = allowed();
#if defined(__x86_64__)
  if (precision == Precision::Bf16) {
    if (set >= InstructionSet::Amx) return &bf16_amx;
    return set >= InstructionSet::Avx512Bf16 ? &bf16_avx512 : nullptr;
  }
  if (precision == Precision::Int8) {
    if (set >= InstructionSet::Avx512 && __builtin_cpu_supports("avx512vnni")) return &int8_avx512;
    return set >= InstructionSet::Avx2 && has_avx_vnni() ? &int8_avx_vnni : nullptr;
  }
  if (set >= InstructionSet::Avx512) return &fp32_avx512;
  if (set >= InstructionSet::Avx2) return &fp32_avx2;
#endif
  return precision == Precision::Fp32 && set >= InstructionSet::Baseline ? &fp32_baseline : nullptr;
}

}  // namespace uniad::cpu
