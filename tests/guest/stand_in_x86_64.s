# The stand-in for a command on x86-64. Assemble: as, then objcopy -O binary -j .text.
# What it is told, a message each: order, argument, 14 bytes of nothing, data.
    .intel_syntax noprefix
    .text
    .globl _start
_start:
    mov   r15, rsp
    sub   rsp, 0x11000
    mov   eax, 41
    mov   edi, 1
    mov   esi, 0x80005
    xor   edx, edx
    syscall
    test  eax, eax
    js    fail
    mov   r12d, eax
    mov   eax, 42
    mov   edi, r12d
    lea   rsi, [rip + address]
    mov   edx, 26
    syscall
    test  eax, eax
    js    fail
    xor   eax, eax
    mov   [rsp], rax
    mov   [rsp + 8], rax
    lea   rcx, [rsp + 64]
    mov   [rsp + 16], rcx
    mov   qword ptr [rsp + 24], 1
    lea   rdx, [rip + rights]
    mov   [rsp + 32], rdx
    mov   qword ptr [rsp + 40], 24
    mov   [rsp + 48], rax
    lea   rdx, [rip + number]
    mov   [rsp + 64], rdx
    mov   qword ptr [rsp + 72], 4
    call  send
    test  eax, eax
    jns   next
    xor   eax, eax
    mov   [rsp + 40], rax
    call  send
next:
    xor   eax, eax
    mov   edi, r12d
    mov   rsi, rsp
    mov   edx, 0x10800
    syscall
    cmp   rax, 16
    jl    fail
    movzx edx, byte ptr [rsp]
    movzx edi, byte ptr [rsp + 1]
    dec   edx
    js    end
    jz    kill
    dec   edx
    jz    print
    dec   edx
    jz    wait
    mov   eax, 59
    lea   rdi, [rsp + 16]
    lea   rsi, [r15 + 8]
    mov   rcx, [r15]
    lea   rdx, [r15 + 8*rcx + 16]
    syscall
fail:
    mov   edi, 127
end:
    mov   eax, 231
    syscall
kill:
    mov   r13d, edi
    mov   eax, 39
    syscall
    mov   edi, eax
    mov   esi, r13d
    mov   eax, 62
    syscall
    jmp   ready
print:
    mov   r13d, edi
    lea   r14, [rsp + 16]
    lea   rbx, [rax - 16]
more:
    test  rbx, rbx
    jle   ready
    mov   eax, 1
    mov   edi, r13d
    mov   rsi, r14
    mov   rdx, rbx
    syscall
    cmp   rax, -4
    je    more
    test  rax, rax
    jle   ready
    add   r14, rax
    sub   rbx, rax
    jmp   more
wait:
    mov   eax, 35
    lea   rdi, [rsp + 16]
    mov   rsi, rdi
    syscall
ready:
    mov   eax, 1
    mov   edi, r12d
    mov   rsi, rsp
    mov   edx, 1
    syscall
    jmp   next
send:
    mov   eax, 46
    mov   edi, r12d
    lea   rsi, [rsp + 8]
    xor   edx, edx
    syscall
    ret
    .balign 8
rights:
    .quad 20
    .long 1, 1, 0, 0
number:
    .long 0
    .long 0
address:
    .short 1
    .zero 24
