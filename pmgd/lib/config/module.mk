LIB_SRCS += $(wildcard pmgd/lib/config/*.c)
