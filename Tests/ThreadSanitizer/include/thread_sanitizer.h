// Nothing to call: it is there to be linked.
#pragma once
