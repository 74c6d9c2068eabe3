package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

func producerCases() []testCase {
	return []testCase{
		{"send-sync", sendSync},
		{"send-async", sendAsync},
		{"send-oneway", sendOneway},
		{"send-batch", sendBatch},
		{"send-to-queue", sendToQueue},
		{"send-by-hash", sendByHash},
		{"send-creates-topic", sendCreatesTopic},
		{"send-compressed", sendCompressed},
	}
}

func sendSync(s *scope) {
	topic := s.topic(4)
	client := s.producer()
	sent := map[string]*primitive.SendResult{}
	for i := 0; i < 40; i++ {
		one := message(topic, fmt.Sprint("sync ", i)).WithTag("TagA").WithKeys([]string{fmt.Sprint("key", i)})
		one.WithProperty("number", fmt.Sprint(i))
		sent[fmt.Sprint("sync ", i)] = send(client, one)
	}
	for _, stored := range s.read(topic, len(sent)) {
		result := sent[string(stored.Body)]
		if result == nil {
			fail("a message nobody sent: %s", stored.Body)
		}
		equal(result.MsgID, stored.MsgId, "unique id")
		equal(result.OffsetMsgID, stored.OffsetMsgId, "offset id")
		equal(result.QueueOffset, stored.QueueOffset, "queue offset")
		equal(result.MessageQueue.QueueId, stored.Queue.QueueId, "queue")
		equal("TagA", stored.GetTags(), "tags")
		equal("key"+stored.GetProperty("number"), stored.GetKeys(), "keys")
	}
}

func sendAsync(s *scope) {
	const count = 200
	topic := s.topic(4)
	client := s.producer()
	var answers sync.WaitGroup
	var lock sync.Mutex
	places := map[string]bool{}
	var failure error
	answers.Add(count)
	for i := 0; i < count; i++ {
		err := client.SendAsync(context.Background(), func(_ context.Context, result *primitive.SendResult, err error) {
			lock.Lock()
			defer lock.Unlock()
			defer answers.Done()
			if err != nil {
				failure = err
				return
			}
			places[fmt.Sprint(result.MessageQueue.QueueId, ":", result.QueueOffset)] = true
		}, message(topic, fmt.Sprint("async ", i)))
		must(err, "send")
	}
	answers.Wait()
	must(failure, "answer")
	equal(count, len(places), "distinct places")
	s.read(topic, count)
}

func sendOneway(s *scope) {
	topic := s.topic(2)
	client := s.producer()
	send(client, message(topic, "first"))
	for i := 0; i < 50; i++ {
		must(client.SendOneWay(context.Background(), message(topic, fmt.Sprint("oneway ", i))), "send")
	}
	s.read(topic, 51)
}

func sendBatch(s *scope) {
	topic := s.topic(1)
	var batch []*primitive.Message
	for i := 0; i < 30; i++ {
		one := message(topic, fmt.Sprint("batch ", i)).WithTag("T")
		one.WithProperty("index", fmt.Sprint(i))
		batch = append(batch, one)
	}
	result := send(s.producer(), batch...)
	equal(30, len(strings.Split(result.OffsetMsgID, ",")), "offset ids")
	for i, stored := range s.read(topic, 30) {
		equal(fmt.Sprint("batch ", i), string(stored.Body), "body in order")
		equal(fmt.Sprint(i), stored.GetProperty("index"), "property")
	}
}

func sendToQueue(s *scope) {
	topic := s.topic(4)
	broker := send(s.producer(), message(topic, "first")).MessageQueue.BrokerName
	client := s.producer(producer.WithQueueSelector(producer.NewManualQueueSelector()))
	for i := 0; i < 12; i++ {
		one := message(topic, fmt.Sprint("q", i%4))
		one.Queue = &primitive.MessageQueue{Topic: topic, BrokerName: broker, QueueId: i % 4}
		equal(i%4, send(client, one).MessageQueue.QueueId, "queue")
	}
	for _, stored := range s.read(topic, 13) {
		if string(stored.Body) != "first" {
			equal(fmt.Sprint("q", stored.Queue.QueueId), string(stored.Body), "body in its queue")
		}
	}
}

func sendByHash(s *scope) {
	topic := s.topic(4)
	client := s.producer(producer.WithQueueSelector(producer.NewHashQueueSelector()))
	queues := map[string]map[int]bool{}
	for i := 0; i < 40; i++ {
		key := fmt.Sprint("order", i%8)
		queue := send(client, message(topic, key).WithShardingKey(key)).MessageQueue.QueueId
		if queues[key] == nil {
			queues[key] = map[int]bool{}
		}
		queues[key][queue] = true
	}
	for key, used := range queues {
		equal(1, len(used), "queues of "+key)
	}
}

func sendCreatesTopic(s *scope) {
	// The broker is registered, with its default topic, once another topic of it is routed to.
	s.topic(1)
	topic := s.unique("auto")
	client := s.producer(producer.WithDefaultTopicQueueNums(4))
	send(client, message(topic, "first"))
	s.awaitRoute(topic, 4)
	s.read(topic, 1)
}

func sendCompressed(s *scope) {
	topic := s.topic(1)
	body := bytes.Repeat([]byte("compressible "), 20_000)
	send(s.producer(), primitive.NewMessage(topic, body))
	stored := s.read(topic, 1)[0]
	if !bytes.Equal(body, stored.Body) {
		fail("body differs: %d bytes", len(stored.Body))
	}
	if stored.StoreSize > 20_000 {
		fail("stored %d bytes", stored.StoreSize)
	}
}
