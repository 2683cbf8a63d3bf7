LIB_SRCS += $(wildcard pmgd/lib/mail/*.c)
