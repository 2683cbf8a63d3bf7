LIB_SRCS += $(wildcard pmgd/lib/proto/*.c)
