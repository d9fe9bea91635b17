"""Ten lyrics of about 600 characters written for the measurements; a line a phrase, an empty one a pause."""

LYRICS = (
    """Morning light is on the water
And the river sings to me
I will follow to the ocean
Where the wind is always free
Every stone along the river
Has a story it could tell
I will sit with them and listen
To the ringing of the bell

Hold on, we are going home
Hold on, never walk alone
Every star will guide us through the night
Hold on, we are going home

Evening falls upon the valley
And the river turns to gold
I remember what you told me
When the winter nights were cold
Put your hand inside my pocket
Let us walk the road again
There is nothing like the morning
When it follows all the rain""",
    """I bought a ticket to the city
With the money that I made
There was music in the station
And a stranger there who played
He was singing of a mountain
He was singing of the sea
And the people stopped to listen
And he sang it all for me

Oh, play it one more time
Play it till the morning
Oh, leave it in my mind
A song without a warning

Now I work beside a window
And I see the trains go by
I can hear the music playing
When the birds begin to fly
If you ever cross that station
Put a dollar in his hand
He will sing about the mountain
And a very distant land""",
    """My little dog is brown and white
He runs around the tree
And every day at half past five
He waits outside for me
He doesn't care about my job
Or what I had to say
He only wants to find a ball
And run around all day

Good dog, good dog, you are my friend
Good dog, good dog, until the end
We walk together in the park
We both come home before the dark

My little dog is getting old
His hair is turning gray
He doesn't run around the tree
But still he wants to play
So I will walk a little slow
And carry him tonight
The best of friends I ever had
Is small and brown and white""",
    """Turn the lights down, close the door
Nobody can hear us any more
Tell me something that is true
Everything I have belongs to you

We were children in the snow
That was twenty years ago
Now the city never sleeps
There are promises to keep

Dance with me across the floor
Like we never danced before
Dance until the night is gone
Dance until we see the dawn

Turn the radio up high
Let the neighbors wonder why
Two old people in the hall
With their shadows on the wall
Tell me something that is new
I will spend my life with you

Dance with me across the floor
Like we never danced before
Dance until the night is gone
Dance until we see the dawn""",
    """Captain, captain, raise the sail
There is thunder in the west
We have nothing left to lose
And the sea will do the rest
Captain, can you see the land
Is it green or is it brown
Are there people on the beach
Is there music in the town

Pull the rope and hold it tight
Sing a song to pass the night
Pull the rope and let it go
Hear the winter winds that blow

Captain, captain, I am tired
And my hands are made of stone
When we come into the harbor
I am going to go home
I will build a little house
Far away from every wave
And I'll tell my little children
How the captain was so brave""",
    """Summer came and summer went
Every penny has been spent
On the ice cream and the ride
On the boats along the side
You were laughing in the sun
You were always number one
Now the leaves are turning red
And I think of what you said

Write me a letter, write me a line
Tell me the weather is perfectly fine
Write me a letter, send me a word
Tell me the funniest thing that you heard

Winter comes and winter goes
Under ice the river flows
I am waiting for the day
When the cold will go away
You'll be standing at the gate
I'll be there and I'll be late
Write me a letter, write me a line
Tell me the weather is perfectly fine""",
    """Give me a reason, give me a sign
I have been standing here in a line
Five in the morning, coffee is cold
Everyone round me is looking so old

But I believe in better days
I believe in other ways
I believe the sun will shine
On your house as well as mine

Give me a hammer, give me a nail
Teach me to work and teach me to fail
Give me a garden, give me a seed
Something to water is all that I need

And I believe in better days
I believe in other ways
I believe the sun will shine
On your house as well as mine

Give me a minute, give me an hour
Look at the garden, look at the flower
Look at the people walking along
All of them learning the words of a song""",
    """The moon is high above the hill
The town is quiet now and still
The baby closes both her eyes
And dreams of birds and butterflies
The kitchen clock is ticking slow
The fire has a golden glow
The cat is sleeping in the chair
And there is music in the air

Sleep now, my dear, sleep now
The wind is in the tree
Sleep now, my dear, sleep now
And dream a dream for me

Tomorrow there will be a sun
Tomorrow you will learn to run
And you will see the open sky
And you will ask me how and why
But now the moon is in the sea
And you are here asleep with me
The town is quiet now and still
The moon is high above the hill""",
    """I lost my keys, I lost my hat
I lost the number of my flat
I lost the money for the train
And I was standing in the rain
A taxi driver stopped and said
You should be home, you should be in bed
Get in the car, I'll drive you there
And you can dry your dirty hair

Thank you, thank you, whoever you are
Thank you for stopping, thanks for the car
There are good people all over the place
You never know the name or face

So if you see me late at night
Beneath a yellow city light
And someone else has lost a shoe
I know exactly what I'll do
I'll stop the car, I'll stop the rain
I'll take him to the morning train
Thank you, thank you, whoever you are
Thank you for stopping, thanks for the car""",
    """One for the farmer, two for the king
Three for the children learning to sing
Four for the soldier who never came back
Five for the engine that runs on the track

Count them, count them, one by one
Count them till the song is done
Count them slowly, count them fast
The first of them will be the last

Six for the teacher, seven for the cook
Eight for the woman who wrote us the book
Nine for the doctor who opened the door
Ten for the people who asked for some more

Count them, count them, one by one
Count them till the song is done
All of the numbers are under the sun
The river goes on and the river will run
Sing it together and sing it again
Count them, my brothers, and count to ten""",
)
