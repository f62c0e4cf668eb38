// Shows the thread sanitizer what Swift's `Mutex` does when it has to wait. Its quick path is in the code of its callers, which is instrumented;
// its slow one is in libswiftSynchronization, which is not. Without these three a lock that was waited for synchronizes nothing.
#include "thread_sanitizer.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *self

extern void __tsan_acquire(void *);
extern void __tsan_release(void *);

typedef SWIFT void Lock(uint32_t, SELF);
typedef SWIFT bool TryLock(SELF);
typedef SWIFT void Unlock(SELF);

SWIFT void lock_slow(uint32_t thread, SELF) __asm__("$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
SWIFT bool try_lock_slow(SELF) __asm__("$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF");
SWIFT void unlock_slow(SELF) __asm__("$s15Synchronization12_MutexHandleV11_unlockSlowyyF");

static Lock *real_lock;
static TryLock *real_try_lock;
static Unlock *real_unlock;

__attribute__((constructor)) static void find(void) {
  real_lock = (Lock *)dlsym(RTLD_NEXT, "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
  real_try_lock = (TryLock *)dlsym(RTLD_NEXT, "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF");
  real_unlock = (Unlock *)dlsym(RTLD_NEXT, "$s15Synchronization12_MutexHandleV11_unlockSlowyyF");
}

SWIFT void lock_slow(uint32_t thread, SELF) {
  real_lock(thread, self);
  __tsan_acquire(self);
}
SWIFT bool try_lock_slow(SELF) {
  bool is_locked = real_try_lock(self);
  if (is_locked) __tsan_acquire(self);
  return is_locked;
}
SWIFT void unlock_slow(SELF) {
  __tsan_release(self);
  real_unlock(self);
}
#endif
#endif
