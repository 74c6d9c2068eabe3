// Runs named cases with the official Go client and prints "ok NAME" or "FAIL NAME reason" for each, then
// "N passed, N failed". Cases run side by side, since most of them wait; the restart runs alone at the end.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2/rlog"
)

const (
	casesAtOnce    = 4
	caseSecondsMax = 240
)

type testCase struct {
	name string
	run  func(*scope)
}

func main() {
	namesrv := flag.String("namesrv", "127.0.0.1:9876", "address of the name server")
	broker := flag.String("broker", "127.0.0.1:10911", "address of the broker, where topics are made")
	only := flag.String("only", ".*", "regular expression for whole names of cases")
	signals := flag.String("signals", "", "folder by which a restart of the broker is asked for")
	log := flag.String("log", os.DevNull, "the client's log")
	flag.Parse()
	if err := rlog.SetOutputPath(*log); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	rlog.SetLogLevel("warn")

	target := &target{namesrv: *namesrv, broker: *broker, run: time.Now().Unix()}
	wanted := regexp.MustCompile("^(" + *only + ")$")
	together := append(append(producerCases(), pushCases()...), pullCases()...)
	var alone []testCase
	if *signals != "" {
		alone = append(alone, restartCase(*signals))
	}
	passed, failed := runCases(target, wanted, together, casesAtOnce)
	morePassed, moreFailed := runCases(target, wanted, alone, 1)
	fmt.Printf("%d passed, %d failed\n", passed+morePassed, failed+moreFailed)
	if failed+moreFailed > 0 {
		os.Exit(1)
	}
}

func runCases(target *target, wanted *regexp.Regexp, cases []testCase, atOnce int) (passed, failed int) {
	var lines sync.Mutex
	var all sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for _, one := range cases {
		if !wanted.MatchString(one.name) {
			continue
		}
		one := one
		all.Add(1)
		places <- struct{}{}
		go func() {
			began := time.Now()
			reason := runCase(target, one)
			lines.Lock()
			if reason == "" {
				passed++
				fmt.Printf("ok %s (%.1f s)\n", one.name, time.Since(began).Seconds())
			} else {
				failed++
				fmt.Printf("FAIL %s %s (%.1f s)\n", one.name, reason, time.Since(began).Seconds())
			}
			lines.Unlock()
			<-places
			all.Done()
		}()
	}
	all.Wait()
	return passed, failed
}

// runCase gives the reason of a failure, or nothing.
func runCase(target *target, one testCase) string {
	done := make(chan string, 1)
	go func() {
		scope := &scope{target: target, name: one.name}
		defer func() {
			reason := ""
			if thrown := recover(); thrown != nil {
				reason = fmt.Sprint(thrown)
			}
			done <- reason
			scope.close()
		}()
		one.run(scope)
	}()
	select {
	case reason := <-done:
		return reason
	case <-time.After(caseSecondsMax * time.Second):
		return fmt.Sprintf("still running after %d s", caseSecondsMax)
	}
}
