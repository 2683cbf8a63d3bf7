LIB_SRCS += $(wildcard pmgd/lib/store/*.c)
