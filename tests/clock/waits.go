// Waits and clock reads, for test_waits_and_reads.py: a case, and the seconds ten units are.

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"
)

var ten time.Duration

var cases = map[string]func(){
	"sleep": func() { time.Sleep(ten) },
	"after": func() {
		select {
		case <-make(chan int):
		case <-time.After(ten):
			fmt.Println("after")
		}
	},
	"channel": func() {
		sent := make(chan string)
		go func() { time.Sleep(ten); sent <- "sent" }()
		select {
		case text := <-sent:
			fmt.Println(text)
		case <-time.After(3 * ten):
			fmt.Println("after")
		}
	},
	"ticker": func() {
		ticker := time.NewTicker(ten)
		for i := 0; i < 3; i++ {
			<-ticker.C
		}
		ticker.Stop()
	},
	"afterfunc": func() {
		var group sync.WaitGroup
		group.Add(1)
		time.AfterFunc(ten, group.Done)
		group.Wait()
	},
	"context": func() {
		limited, cancel := context.WithTimeout(context.Background(), ten)
		defer cancel()
		<-limited.Done()
		fmt.Println(limited.Err())
	},
	"command": func() {
		limited, cancel := context.WithTimeout(context.Background(), ten)
		defer cancel()
		fmt.Println(exec.CommandContext(limited, "sleep", "infinity").Run())
	},
	"deadline": func() {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		connection, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			panic(err)
		}
		connection.SetReadDeadline(time.Now().Add(ten))
		_, err = connection.Read(make([]byte, 1))
		fmt.Println(errors.Is(err, os.ErrDeadlineExceeded))
	},
	"now": func() {
		wall := time.Now().Round(0) // without its monotonic reading
		time.Sleep(ten)
		fmt.Printf("read took %f\n", time.Now().Round(0).Sub(wall).Seconds())
	},
	"modtime": func() {
		time.Sleep(ten)
		os.WriteFile("/tmp/stamped", nil, 0o600)
		status, err := os.Stat("/tmp/stamped")
		if err != nil {
			panic(err)
		}
		fmt.Printf("age took %f\n", time.Since(status.ModTime()).Seconds())
	},
}

func main() {
	seconds, err := strconv.ParseFloat(os.Args[2], 64)
	if err != nil {
		panic(err)
	}
	ten = time.Duration(seconds * float64(time.Second))
	began := time.Now()
	cases[os.Args[1]]()
	fmt.Printf("took %f\n", time.Since(began).Seconds())
}
