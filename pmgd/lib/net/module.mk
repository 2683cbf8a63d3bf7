LIB_SRCS += $(wildcard pmgd/lib/net/*.c)
