#include "dither_kernels.h"
