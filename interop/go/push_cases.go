package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

func pushCases() []testCase {
	return []testCase{
		{"push-group-of-three", pushGroupOfThree},
		{"push-concurrently", pushConcurrently},
		{"push-tags", pushTags},
		{"push-orderly", pushOrderly},
		{"push-broadcasting", pushBroadcasting},
		{"push-resumes-where-it-stopped", pushResumes},
		{"delay-levels", delayLevels},
		{"delay-of-retries", delayOfRetries},
		{"consume-from-first", func(s *scope) { consumeFrom(s, consumer.ConsumeFromFirstOffset) }},
		{"consume-from-last-of-young-queue", func(s *scope) { consumeFrom(s, consumer.ConsumeFromLastOffset) }},
		{"consume-from-timestamp-of-young-queue", func(s *scope) { consumeFrom(s, consumer.ConsumeFromTimestamp) }},
	}
}

// inbox is what listeners were handed, in the order of arrival.
type inbox struct {
	lock     sync.Mutex
	texts    []string
	distinct map[string]bool
	// owners has the number of the consumer that got the latest message of each queue.
	owners map[int]int
}

func (b *inbox) put(member int, messages []*primitive.MessageExt) {
	b.lock.Lock()
	defer b.lock.Unlock()
	if b.distinct == nil {
		b.distinct = map[string]bool{}
		b.owners = map[int]int{}
	}
	for _, one := range messages {
		b.texts = append(b.texts, string(one.Body))
		b.distinct[string(one.Body)] = true
		b.owners[one.Queue.QueueId] = member
	}
}

func (b *inbox) size() int {
	b.lock.Lock()
	defer b.lock.Unlock()
	return len(b.texts)
}

func (b *inbox) missing(expected []string) (missing []string) {
	b.lock.Lock()
	defer b.lock.Unlock()
	for _, text := range expected {
		if !b.distinct[text] {
			missing = append(missing, text)
		}
	}
	return missing
}

func (b *inbox) await(limit time.Duration, expected []string) {
	within(limit, fmt.Sprint(len(expected), " messages"), func() bool { return len(b.missing(expected)) == 0 })
}

// shares counts the queues of each consumer by the latest messages.
func (b *inbox) shares() map[int]int {
	b.lock.Lock()
	defer b.lock.Unlock()
	shares := map[int]int{}
	for _, member := range b.owners {
		shares[member]++
	}
	return shares
}

func subscribe(client rocketmq.PushConsumer, topic, tags string, member int, into *inbox) {
	selector := consumer.MessageSelector{Type: consumer.TAG, Expression: tags}
	err := client.Subscribe(topic, selector,
		func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			into.put(member, messages)
			return consumer.ConsumeSuccess, nil
		})
	must(err, "subscribe")
	must(client.Start(), "start push consumer")
}

func sendMany(client rocketmq.Producer, topic, prefix string, count int) (sent []string) {
	for i := 0; i < count; i++ {
		send(client, message(topic, fmt.Sprint(prefix, i)))
		sent = append(sent, fmt.Sprint(prefix, i))
	}
	return sent
}

func pushConcurrently(s *scope) {
	topic := s.topic(4)
	client := s.producer()
	sent := sendMany(client, topic, "early ", 50)
	got := &inbox{}
	subscribe(s.push(s.unique("g")), topic, "*", 0, got)
	sent = append(sent, sendMany(client, topic, "late ", 50)...)
	got.await(30*time.Second, sent)
	equal(len(sent), got.size(), "deliveries")
}

func pushTags(s *scope) {
	topic := s.topic(2)
	client := s.producer()
	some, every := &inbox{}, &inbox{}
	subscribe(s.push(s.unique("picky")), topic, "A || C", 0, some)
	subscribe(s.push(s.unique("all")), topic, "*", 0, every)
	var sent, wanted []string
	for i := 0; i < 60; i++ {
		tag := string("ABCD"[i%4])
		text := fmt.Sprint(tag, i)
		send(client, message(topic, text).WithTag(tag))
		sent = append(sent, text)
		if tag == "A" || tag == "C" {
			wanted = append(wanted, text)
		}
	}
	every.await(30*time.Second, sent)
	some.await(30*time.Second, wanted)
	equal(len(wanted), some.size(), "deliveries to the subscriber of two tags")
}

func pushGroupOfThree(s *scope) {
	topic := s.topic(6)
	group := s.unique("g")
	client := s.producer()
	got := &inbox{}
	stop := make(chan struct{})
	traffic := make(chan []string, 1)
	go func() {
		var sent []string
		for i := 0; ; i++ {
			select {
			case <-stop:
				traffic <- sent
				return
			default:
			}
			text := fmt.Sprint("g", i)
			if result, err := client.SendSync(context.Background(), message(topic, text)); err == nil && result.Status == primitive.SendOK {
				sent = append(sent, text)
			}
			time.Sleep(3 * time.Millisecond)
		}
	}()
	var members []rocketmq.PushConsumer
	for i := 0; i < 3; i++ {
		members = append(members, s.push(group))
	}
	// Below the 20 s of the client's own rebalance: only the broker's notification can be that quick.
	const limit = 15 * time.Second
	subscribe(members[0], topic, "*", 0, got)
	subscribe(members[1], topic, "*", 1, got)
	within(limit, "two with three queues each", func() bool {
		shares := got.shares()
		return shares[0] == 3 && shares[1] == 3
	})
	subscribe(members[2], topic, "*", 2, got)
	within(limit, "three with two queues each", func() bool {
		shares := got.shares()
		return shares[0] == 2 && shares[1] == 2 && shares[2] == 2
	})
	must(members[0].Shutdown(), "shutdown")
	within(limit, "two with three queues each again", func() bool {
		shares := got.shares()
		return shares[1] == 3 && shares[2] == 3
	})
	close(stop)
	sent := <-traffic
	got.await(40*time.Second, sent)
}

func pushOrderly(s *scope) {
	topic := s.topic(4)
	got := &inbox{}
	subscribe(s.push(s.unique("g"), consumer.WithConsumerOrder(true)), topic, "*", 0, got)
	client := s.producer(producer.WithQueueSelector(producer.NewHashQueueSelector()))
	var sent []string
	for i := 0; i < 100; i++ {
		key := fmt.Sprint("order", i%5)
		text := fmt.Sprintf("%s step %03d", key, i)
		send(client, message(topic, text).WithShardingKey(key))
		sent = append(sent, text)
	}
	got.await(60*time.Second, sent)
	equal(len(sent), got.size(), "deliveries")
	latest := map[string]string{}
	for _, text := range got.texts {
		key := text[:6]
		if text <= latest[key] {
			fail("%s came after %s", text, latest[key])
		}
		latest[key] = text
	}
}

func pushBroadcasting(s *scope) {
	topic := s.topic(4)
	group := s.unique("g")
	first, second := &inbox{}, &inbox{}
	subscribe(s.push(group, consumer.WithConsumerModel(consumer.BroadCasting)), topic, "*", 0, first)
	subscribe(s.push(group, consumer.WithConsumerModel(consumer.BroadCasting)), topic, "*", 1, second)
	sent := sendMany(s.producer(), topic, "all ", 40)
	first.await(30*time.Second, sent)
	second.await(30*time.Second, sent)
}

func pushResumes(s *scope) {
	topic := s.topic(2)
	group := s.unique("g")
	client := s.producer()
	first, second := &inbox{}, &inbox{}
	before := s.push(group)
	subscribe(before, topic, "*", 0, first)
	first.await(30*time.Second, sendMany(client, topic, "before ", 20))
	must(before.Shutdown(), "shutdown")
	between := sendMany(client, topic, "between ", 20)
	subscribe(s.push(group), topic, "*", 1, second)
	second.await(30*time.Second, between)
	equal(len(between), second.size(), "deliveries after the restart")
}

// consumeFrom shows that a broker starts every new group at the beginning of a queue whose first message is still in its
// memory, whatever the client asks for. This client cannot ask the broker not to.
func consumeFrom(s *scope, where consumer.ConsumeFromWhere) {
	topic := s.topic(2)
	client := s.producer()
	sent := sendMany(client, topic, "old ", 10)
	got := &inbox{}
	subscribe(s.push(s.unique("g"), consumer.WithConsumeFromWhere(where),
		consumer.WithConsumeTimestamp(time.Now().UTC().Format("20060102150405"))), topic, "*", 0, got)
	sent = append(sent, sendMany(client, topic, "new ", 10)...)
	got.await(30*time.Second, sent)
}

// restartCase restarts the broker in mid-traffic: every acknowledged message still arrives and traffic goes on by itself.
// The script that started the servers watches the folder: "restart" asks it, "restarted" is its answer.
func restartCase(signals string) testCase {
	return testCase{"broker-restarts-in-traffic", func(s *scope) {
		topic := s.topic(4)
		got := &inbox{}
		subscribe(s.push(s.unique("g")), topic, "*", 0, got)
		client := s.producer(producer.WithSendMsgTimeout(3 * time.Second))
		var lock sync.Mutex
		var acknowledged []string
		count := func() int {
			lock.Lock()
			defer lock.Unlock()
			return len(acknowledged)
		}
		stop := make(chan struct{})
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				text := fmt.Sprint("r", i)
				result, err := client.SendSync(context.Background(), message(topic, text))
				if err == nil && result.Status == primitive.SendOK {
					lock.Lock()
					acknowledged = append(acknowledged, text)
					lock.Unlock()
				}
				time.Sleep(2 * time.Millisecond)
			}
		}()
		within(30*time.Second, "200 messages before the restart", func() bool { return count() >= 200 })
		must(os.WriteFile(filepath.Join(signals, "restart"), nil, 0o644), "ask for the restart")
		within(150*time.Second, "the restart", func() bool {
			_, err := os.Stat(filepath.Join(signals, "restarted"))
			return err == nil
		})
		before := count()
		within(60*time.Second, "200 messages after the restart", func() bool { return count() >= before+200 })
		close(stop)
		<-stopped
		got.await(60*time.Second, acknowledged)
	}}
}

// delayLevels: messages of two levels come when they are due, in the order within each.
func delayLevels(s *scope) {
	topic := s.topic(1)
	client := s.producer()
	got := &inbox{}
	subscribe(s.push(s.unique("g")), topic, "*", 0, got)
	delays := map[int]time.Duration{1: time.Second, 2: 5 * time.Second}
	sent := map[int][]string{}
	var all []string
	began := time.Now()
	for i := 0; i < 20; i++ {
		for level := range delays {
			text := fmt.Sprintf("level %d number %d", level, i)
			send(client, message(topic, text).WithDelayTimeLevel(level))
			sent[level] = append(sent[level], text)
			all = append(all, text)
		}
	}
	got.await(30*time.Second, sent[1])
	if took := time.Since(began); took < delays[1] {
		fail("the first level came after %v", took)
	}
	got.await(30*time.Second, sent[2])
	if took := time.Since(began); took < delays[2] {
		fail("the second level came after %v", took)
	}
	equal(len(all), got.size(), "deliveries")
}

// delayOfRetries: a listener that fails gets the message again, each time after the delay that it asked for.
func delayOfRetries(s *scope) {
	topic := s.topic(1)
	var lock sync.Mutex
	var tried []int32
	var times []time.Time
	client := s.push(s.unique("g"), consumer.WithMaxReconsumeTimes(2))
	selector := consumer.MessageSelector{Type: consumer.TAG, Expression: "*"}
	err := client.Subscribe(topic, selector,
		func(ctx context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			if concurrently, found := primitive.GetConcurrentlyCtx(ctx); found {
				concurrently.DelayLevelWhenNextConsume = 1
			}
			lock.Lock()
			defer lock.Unlock()
			for _, one := range messages {
				tried = append(tried, one.ReconsumeTimes)
				times = append(times, time.Now())
			}
			return consumer.ConsumeRetryLater, nil
		})
	must(err, "subscribe")
	must(client.Start(), "start push consumer")
	send(s.producer(), message(topic, "fails"))
	// The route of the retry topic may be known only after the next two rounds of the client.
	within(100*time.Second, "three attempts", func() bool {
		lock.Lock()
		defer lock.Unlock()
		return len(tried) >= 3
	})
	lock.Lock()
	defer lock.Unlock()
	equal([]int32{0, 1, 2}, tried[:3], "attempts")
	for i := 1; i < 3; i++ {
		if waited := times[i].Sub(times[i-1]); waited < 900*time.Millisecond {
			fail("tried again after %v", waited)
		}
	}
}
