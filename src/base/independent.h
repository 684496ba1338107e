// MIXNET_INDEPENDENT before a loop: its iterations do not depend on each other, although the compiler cannot know that its pointers
// differ. Other compilers than GCC look at the addresses when the loop runs.
#pragma once

#if defined(__GNUC__) && !defined(__clang__)
#define MIXNET_INDEPENDENT _Pragma("GCC ivdep")
#else
#define MIXNET_INDEPENDENT
#endif

// MIXNET_INLINE before a function that is the body of such a loop: a long one would be called per element, and the loop not be
// made of vectors.
#if defined(__GNUC__)
#define MIXNET_INLINE __attribute__((always_inline)) inline
#else
#define MIXNET_INLINE inline
#endif
