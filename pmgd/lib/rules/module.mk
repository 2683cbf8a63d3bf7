LIB_SRCS += $(wildcard pmgd/lib/rules/*.c)
