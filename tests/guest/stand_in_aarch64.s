// The stand-in for a command on arm64; see stand_in_x86_64.s.
    .text
    .globl _start
_start:
    mov   x19, sp
    sub   sp, sp, #0x11, lsl #12
    mov   x0, #1
    mov   x1, #5
    movk  x1, #8, lsl #16
    mov   x2, #0
    mov   x8, #198
    svc   #0
    tbnz  x0, #63, fail
    mov   x20, x0
    adr   x1, address
    mov   x2, #26
    mov   x8, #203
    svc   #0
    tbnz  x0, #63, fail
    stp   xzr, xzr, [sp]
    add   x1, sp, #64
    mov   x2, #1
    stp   x1, x2, [sp, #16]
    adr   x1, rights
    mov   x2, #24
    stp   x1, x2, [sp, #32]
    str   xzr, [sp, #48]
    adr   x1, number
    mov   x2, #4
    stp   x1, x2, [sp, #64]
    bl    send
    tbz   x0, #63, next
    str   xzr, [sp, #40]
    bl    send
next:
    mov   x0, x20
    mov   x1, sp
    mov   x2, #0x800
    movk  x2, #1, lsl #16
    mov   x8, #63
    svc   #0
    cmp   x0, #16
    b.lt  fail
    ldrb  w3, [sp]
    ldrb  w4, [sp, #1]
    cbz   w3, end
    cmp   w3, #2
    b.lo  kill
    b.eq  print
    cmp   w3, #3
    b.eq  wait
    add   x0, sp, #16
    add   x1, x19, #8
    ldr   x2, [x19]
    add   x2, x1, x2, lsl #3
    add   x2, x2, #8
    mov   x8, #221
    svc   #0
fail:
    mov   w4, #127
end:
    mov   w0, w4
    mov   x8, #94
    svc   #0
kill:
    mov   w21, w4
    mov   x8, #172
    svc   #0
    mov   w1, w21
    mov   x8, #129
    svc   #0
    b     ready
print:
    mov   w21, w4
    add   x22, sp, #16
    sub   x23, x0, #16
more:
    cmp   x23, #0
    b.le  ready
    mov   w0, w21
    mov   x1, x22
    mov   x2, x23
    mov   x8, #64
    svc   #0
    cmn   x0, #4
    b.eq  more
    cmp   x0, #0
    b.le  ready
    add   x22, x22, x0
    sub   x23, x23, x0
    b     more
wait:
    add   x0, sp, #16
    mov   x1, x0
    mov   x8, #101
    svc   #0
ready:
    mov   x0, x20
    mov   x1, sp
    mov   x2, #1
    mov   x8, #64
    svc   #0
    b     next
send:
    mov   x0, x20
    mov   x1, sp
    mov   x2, #0
    mov   x8, #211
    svc   #0
    ret
    .balign 8
rights:
    .quad 20
    .word 1, 1, 0, 0
number:
    .word 0
    .word 0
address:
    .hword 1
    .zero 24
