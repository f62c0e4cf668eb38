#include "dither_onednn.h"
