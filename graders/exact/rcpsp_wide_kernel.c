/* rcpsp_kernel.c for more tasks than a word has bits. */

#define WIDE
#include "rcpsp_kernel.c"
