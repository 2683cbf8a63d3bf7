LIB_SRCS += $(wildcard pmgd/lib/base/*.c)
